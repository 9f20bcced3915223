"""The folder and the catalogue, which every process has."""

from __future__ import annotations

import logging

from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import StoreUnavailable
from vignette.settings import Settings
from vignette.wiring.use_cases import build_reindexing, build_signing_keys, build_snapshots

logger = logging.getLogger(__name__)


def open_store_and_catalogue(
    settings: Settings, *, images_are_lost: bool = False, waits_for_disk: bool = True
) -> tuple[FolderStore, SqlCatalogue]:
    """
    Both; the catalogue made if it is missing, then with the keys and tickets that the folder knows, and its schema up
    to date. The folder is made at the first start alone, and the first signing key wherever there is none.

    This is for every process: it looks at no image but the last, unless the catalogue was lost. *waits_for_disk* is
    that of `SqlCatalogue`.

    Raises:
        StoreUnavailable: The catalogue knows images, and the folder holds none or is missing; most probably its disk is
            not mounted. Not if the *images_are_lost*.
        CatalogueUnavailable: The catalogue cannot be used, or was written by a newer Vignette.
    """
    store = FolderStore(settings.upload_folder, settings.durability, min_free_bytes=settings.min_free_bytes)
    catalogue = SqlCatalogue(
        settings.effective_database_url, settings.durability, waits_for_disk=waits_for_disk, boot=store.boot
    )
    try:
        if is_new := catalogue.is_new():
            store.make()
        catalogue.migrate(build_reindexing(store, catalogue).read_images())
        if not images_are_lost:
            require_images(settings, store, catalogue)
        if not settings.upload_folder.is_dir():
            raise StoreUnavailable(
                f"there is no upload folder {settings.upload_folder}: mount its disk, or make the folder"
            )
        _seal(store)
        if is_new:
            for snapshots in build_snapshots(store, catalogue):
                snapshots.bring_back()
        build_signing_keys(store, catalogue).make_at_start(is_first=is_new)
    except BaseException:
        catalogue.close()
        raise
    return store, catalogue


def _seal(store: FolderStore) -> None:
    """Seal the folder if that can be done now. On a full disk images are served and deleted all the same."""
    try:
        store.seal()
    except StoreUnavailable as error:
        logger.warning("the upload folder is not sealed; the next start tries it again: %s", error)


def open_and_catch_up(settings: Settings, *, images_are_lost: bool = False) -> tuple[FolderStore, SqlCatalogue]:
    """
    Both, and the catalogue brought up to the folders (`Reindexing.catch_up`), and what is kept beside them to the
    catalogue (`Snapshots.mend`): once at the start of the service, and for commands.
    """
    store, catalogue = open_store_and_catalogue(settings, images_are_lost=images_are_lost)
    try:
        build_reindexing(store, catalogue).catch_up()
        for snapshots in build_snapshots(store, catalogue):
            snapshots.mend()
    except BaseException:
        catalogue.close()
        raise
    return store, catalogue


def require_images(settings: Settings, store: FolderStore, catalogue: SqlCatalogue) -> None:
    """Raise `StoreUnavailable` where the catalogue knows images and the folder holds none; see above."""
    highest = catalogue.index.highest()
    # A deleted image has its folder too, with its tombstone. All folders are listed only where that one is gone.
    if highest is None or store.holds(highest):
        return
    is_there = settings.upload_folder.is_dir()
    if is_there and any(True for _ in store.image_ids()):
        return
    raise StoreUnavailable(
        f"the catalogue knows images up to number {highest}, and the upload folder {settings.upload_folder}"
        f" {'holds none' if is_there else 'is missing'}: mount its disk, or put a copy of the images there;"
        " if they are lost, `vignette reindex --lost` forgets them"
    )
