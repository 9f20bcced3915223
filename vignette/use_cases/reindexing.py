"""Rebuild the catalogue from the folders alone: they are the truth, it is an index."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from vignette import layout
from vignette.errors import FileNotStored, StoreUnavailable
from vignette.model import Image, ImageFacts, ImageId, Outcome, Record, State
from vignette.ports import Catalogue, ImageStore
from vignette.records import outcome_from_json, record_from_json

logger = logging.getLogger(__name__)


def reindex(store: ImageStore, catalogue: Catalogue) -> int:
    """Rebuild all of *catalogue*; return how many images it holds now, deleted ones too. Safe while uploads go on."""
    return catalogue.restore(read_images(store))


def reindex_if_behind(store: ImageStore, catalogue: Catalogue) -> bool:
    """
    Bring *catalogue* up to the folders if they are ahead of it; return whether they were.

    A single folder ahead is what a crash between rename and commit leaves: it is whole, and indexed like any other. It
    was never acknowledged, perhaps; but a folder cannot tell, and what was acknowledged is never lost. More than one
    means that the catalogue was taken from a backup, and no row of it can be trusted.
    """
    highest, following = max(store.image_ids(), default=ImageId(-1)), catalogue.next_id()
    if highest < following:
        return False
    logger.warning("the folders go up to %d, the catalogue up to %d: bringing it up to them", highest, following - 1)
    if highest == following:
        catalogue.catch_up([(highest, read_image(store, highest))])
    else:
        reindex(store, catalogue)
    return True


def read_images(store: ImageStore) -> Iterator[tuple[ImageId, Image | None]]:
    """
    What the folders say, in order of number; None for a folder that holds no readable record.

    The folders are listed when the first is asked for, so that a transaction can be begun before.
    """
    for image_id in sorted(store.image_ids()):
        yield image_id, read_image(store, image_id)


def read_image(store: ImageStore, image_id: ImageId) -> Image | None:
    """What the folder says; None if it holds no readable record."""
    if _has(store, image_id, layout.TOMBSTONE):
        return Image(image_id, _DELETED, State.DELETED)
    try:
        record = record_from_json(store.read(image_id, layout.RECORD))
    except (FileNotStored, StoreUnavailable, ValueError) as error:
        logger.warning("folder %d holds no readable record; its number stays taken: %s", image_id, error)
        return None
    outcome = _read_outcome(store, image_id)
    if outcome is None:
        return Image(image_id, record, State.PENDING)
    state = State.READY if outcome.failure is None else State.FAILED
    recipes = layout.recipe_set(outcome.vignettes)
    return Image(image_id, record, state, outcome.attempts, outcome.failure, outcome.placeholder, recipes)


def _read_outcome(store: ImageStore, image_id: ImageId) -> Outcome | None:
    try:
        return outcome_from_json(store.read(image_id, layout.OUTCOME))
    except (FileNotStored, StoreUnavailable, ValueError):
        return None  # it is rendered again


def _has(store: ImageStore, image_id: ImageId, name: str) -> bool:
    try:
        store.open(image_id, name).close()
    except (FileNotStored, StoreUnavailable):
        return False
    return True


# All that is known of a deleted image is that its number is taken.
_DELETED: Final = Record(None, ImageFacts("", "", 0, 0, 0), 0, "", datetime.fromtimestamp(0, UTC))
