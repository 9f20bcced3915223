"""Rebuild the catalogue from the folders alone: they are the truth, it is an index."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from vignette import keys
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
    `reindex` if the folders are ahead of *catalogue*, as after it was taken from a backup; return whether it was done.

    Else the next upload would get a number that is taken. One folder past the counter is no sign of that: a crash
    between rename and commit leaves it, and it was never acknowledged.
    """
    highest = max(store.image_ids(), default=-1)
    if highest <= catalogue.next_id():
        return False
    logger.warning("the catalogue knows less than the folders do: rebuilding it")
    reindex(store, catalogue)
    return True


def read_images(store: ImageStore) -> Iterator[tuple[ImageId, Image | None]]:
    """
    What the folders say, in order of number; None for a folder that holds no readable record.

    The folders are listed when the first is asked for, so that a transaction can be begun before.
    """
    for image_id in sorted(store.image_ids()):
        yield image_id, _read_image(store, image_id)


def _read_image(store: ImageStore, image_id: ImageId) -> Image | None:
    if _has(store, image_id, keys.TOMBSTONE):
        return Image(image_id, _DELETED, State.DELETED)
    try:
        record = record_from_json(store.read(image_id, keys.RECORD))
    except (FileNotStored, StoreUnavailable, ValueError) as error:
        logger.warning("folder %d holds no readable record; its number stays taken: %s", image_id, error)
        return None
    outcome = _read_outcome(store, image_id)
    if outcome is None:
        return Image(image_id, record, State.PENDING)
    state = State.READY if outcome.failure is None else State.FAILED
    return Image(image_id, record, state, outcome.attempts, outcome.failure, outcome.placeholder)


def _read_outcome(store: ImageStore, image_id: ImageId) -> Outcome | None:
    try:
        return outcome_from_json(store.read(image_id, keys.OUTCOME))
    except (FileNotStored, ValueError):
        return None  # it is rendered again


def _has(store: ImageStore, image_id: ImageId, name: str) -> bool:
    try:
        store.open(image_id, name).close()
    except FileNotStored:
        return False
    return True


# All that is known of a deleted image is that its number is taken.
_DELETED: Final = Record(None, ImageFacts("", "", 0, 0, 0), 0, "", datetime.fromtimestamp(0, UTC))
