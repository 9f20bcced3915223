"""The folder and the catalogue, which every process has."""

from __future__ import annotations

from vignette.adapters.folder_store import FolderStore
from vignette.adapters.sql_catalogue import SqlCatalogue
from vignette.settings import Settings
from vignette.use_cases.reindexing import read_images, reindex_if_behind


def open_store_and_catalogue(settings: Settings) -> tuple[FolderStore, SqlCatalogue]:
    """Both, made if they are missing; the catalogue with its schema up to date and no folder ahead of it."""
    store = FolderStore(settings.upload_folder, settings.durability)
    catalogue = SqlCatalogue(settings.effective_database_url, settings.durability)
    catalogue.migrate(read_images(store))
    reindex_if_behind(store, catalogue)
    return store, catalogue
