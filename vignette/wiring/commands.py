"""Builds what the command line works with. A service may run beside it, or not."""

from __future__ import annotations

from collections.abc import Callable

from vignette.access.policy import Policy
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import StoreUnavailable
from vignette.settings import Settings
from vignette.use_cases.auditing import Auditing
from vignette.use_cases.checking import Checkup
from vignette.use_cases.checking import settle as usual_settle
from vignette.use_cases.keyholding import Keyholding
from vignette.use_cases.renewal import Renewal
from vignette.use_cases.reviewing import Reviewing
from vignette.use_cases.signing_keys import SigningKeys
from vignette.use_cases.ticketing import Ticketing
from vignette.wiring.jobs import open_jobs
from vignette.wiring.stores import open_and_catch_up, require_images
from vignette.wiring.use_cases import (
    build_auditing,
    build_checkup,
    build_keyholding,
    build_renewal,
    build_reviewing,
    build_signing_keys,
    build_ticketing,
    build_trail,
)


def open_renewal(settings: Settings) -> Renewal:
    """For `vignette render` and `vignette retry`: the worker of a service that runs beside it does the work."""
    _, catalogue = open_and_catch_up(settings)
    return build_renewal(catalogue, open_jobs(settings), settings.recipes, trail=build_trail(settings, catalogue))


def open_keyholding(settings: Settings) -> Keyholding:
    """For `vignette keys`: a service that runs beside it takes and refuses keys at once."""
    store, catalogue = open_and_catch_up(settings)
    return build_keyholding(store, catalogue, build_trail(settings, catalogue))


def open_auditing(settings: Settings) -> Auditing:
    """For `vignette audit`: a service may run beside it."""
    _, catalogue = open_and_catch_up(settings)
    return build_auditing(settings, catalogue)


def open_signing_keys(settings: Settings) -> SigningKeys:
    """For `vignette signing-keys`: a service that runs beside it notices each change at once."""
    return build_signing_keys(*open_and_catch_up(settings))


def open_reviewing(settings: Settings) -> Reviewing:
    """For `vignette quarantine`: a service that runs beside it answers accordingly at once."""
    store, catalogue = open_and_catch_up(settings)
    return build_reviewing(store, catalogue, trail=build_trail(settings, catalogue))


def open_ticketing(settings: Settings) -> Ticketing:
    """For `vignette tickets`, likewise."""
    store, catalogue = open_and_catch_up(settings)
    trail, policy = build_trail(settings, catalogue), Policy(settings.access)
    return build_ticketing(store, catalogue, build_keyholding(store, catalogue, trail), policy, trail)


def open_checkup(settings: Settings, settle: Callable[[], object] | None = None) -> Checkup:
    """
    For `vignette fsck`: before it looks, nothing is made, brought up to date or rebuilt. *settle* is that of `Checkup`.

    Raises:
        StoreUnavailable: There is no upload folder, or it holds none of the images that the catalogue knows.
        CatalogueUnavailable: There is no catalogue.
    """
    if not settings.upload_folder.is_dir():
        raise StoreUnavailable(f"there is no upload folder {settings.upload_folder}")
    catalogue = SqlCatalogue(settings.effective_database_url, must_exist=True)
    catalogue.index.next_id()
    store = FolderStore(settings.upload_folder)
    require_images(settings, store, catalogue)
    return build_checkup(store, catalogue, open_jobs(settings), settings.recipes, settle=settle or usual_settle)
