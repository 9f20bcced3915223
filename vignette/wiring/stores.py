"""The folder and the catalogue, which every process has."""

from __future__ import annotations

from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.stores.folder import FolderStore
from vignette.settings import Settings
from vignette.wiring.use_cases import build_reindexing


def open_store_and_catalogue(settings: Settings) -> tuple[FolderStore, SqlCatalogue]:
    """Both, made if they are missing; the catalogue with its schema up to date and no folder ahead of it."""
    store = FolderStore(settings.upload_folder, settings.durability)
    catalogue = SqlCatalogue(settings.effective_database_url, settings.durability)
    reindexing = build_reindexing(store, catalogue)
    catalogue.migrate(reindexing.read_images())
    reindexing.catch_up()
    return store, catalogue
