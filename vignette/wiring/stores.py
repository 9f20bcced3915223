"""The folder and the catalogue, which every process has."""

from __future__ import annotations

from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.stores.folder import FolderStore
from vignette.settings import Settings
from vignette.wiring.use_cases import build_reindexing


def open_store_and_catalogue(settings: Settings) -> tuple[FolderStore, SqlCatalogue]:
    """
    Both, made if they are missing; the catalogue with its schema up to date.

    This is for every process: it looks at no image unless the catalogue was lost.
    """
    store = FolderStore(settings.upload_folder, settings.durability)
    catalogue = SqlCatalogue(settings.effective_database_url, settings.durability)
    try:
        catalogue.migrate(build_reindexing(store, catalogue).read_images())
    except BaseException:
        catalogue.close()
        raise
    return store, catalogue


def open_and_catch_up(settings: Settings) -> tuple[FolderStore, SqlCatalogue]:
    """
    Both, and no folder ahead of the catalogue: once at the start of the service, and for commands.

    It lists the upload folder, which takes seconds with a million images.
    """
    store, catalogue = open_store_and_catalogue(settings)
    try:
        build_reindexing(store, catalogue).catch_up()
    except BaseException:
        catalogue.close()
        raise
    return store, catalogue
