"""What the command line works with, beside a service that may run or not."""

from __future__ import annotations

from vignette.adapters.folder_store import FolderStore
from vignette.adapters.sql_catalogue import SqlCatalogue
from vignette.errors import StoreUnavailable
from vignette.settings import Settings
from vignette.use_cases.checking import Checkup
from vignette.use_cases.renewal import Renewal
from vignette.use_cases.upkeep import Upkeep
from vignette.wiring.jobs import open_jobs
from vignette.wiring.stores import open_store_and_catalogue


def open_upkeep(settings: Settings) -> Upkeep:
    """For the command line: it finds the work of a service that may run beside it, or not."""
    store, catalogue = open_store_and_catalogue(settings)
    return Upkeep(store, catalogue, open_jobs(settings))


def open_renewal(settings: Settings) -> Renewal:
    """For `vignette render`: it asks the worker of a service that runs beside it."""
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
    upkeep = Upkeep(store, catalogue, open_jobs(settings))
    return Checkup(store, catalogue, upkeep, settings.recipes)
