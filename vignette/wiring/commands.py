"""What the command line works with, beside a service that may run or not."""

from __future__ import annotations

from vignette.adapters.folder_store import FolderStore
from vignette.adapters.sql_catalogue import SqlCatalogue
from vignette.errors import StoreUnavailable
from vignette.settings import Settings
from vignette.use_cases.checking import Checkup
from vignette.use_cases.removal import Removal
from vignette.use_cases.renewal import Renewal
from vignette.wiring.jobs import open_jobs
from vignette.wiring.stores import open_store_and_catalogue


def open_renewal(settings: Settings) -> Renewal:
    """For `vignette render` and `vignette retry`: the worker of a service that runs beside it does the work."""
    _, catalogue = open_store_and_catalogue(settings)
    return Renewal(catalogue, open_jobs(settings), settings.recipes)


def open_checkup(settings: Settings) -> Checkup:
    """
    For `vignette fsck`: nothing is made, brought up to date or rebuilt before it looks.

    Raises:
        StoreUnavailable: There is no upload folder.
        CatalogueUnavailable: There is no catalogue.
    """
    if not settings.upload_folder.is_dir():
        raise StoreUnavailable(f"there is no upload folder {settings.upload_folder}")
    catalogue = SqlCatalogue(settings.effective_database_url, must_exist=True)
    catalogue.next_id()
    store = FolderStore(settings.upload_folder)
    return Checkup(
        store,
        catalogue,
        Removal(store, catalogue),
        Renewal(catalogue, open_jobs(settings), settings.recipes),
        settings.recipes,
    )
