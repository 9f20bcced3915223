"""Rebuild the catalogue from the folders alone: the folders are the truth, the catalogue is an index."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from vignette import layout
from vignette.errors import FileNotStored, StoreUnavailable
from vignette.model import Image, ImageFacts, ImageId, Outcome, Record, State
from vignette.ports.catalogue import Index
from vignette.ports.store import Files, Survey
from vignette.records import outcome_from_json, record_from_json

logger = logging.getLogger(__name__)


class Reindexing:
    """The use case. Every method may run while uploads go on."""

    def __init__(self, files: Files, survey: Survey, index: Index) -> None:
        self._files = files
        self._survey = survey
        self._index = index

    def rebuild(self) -> int:
        """Rebuild the whole catalogue; return how many images it holds now, deleted ones too."""
        return self._index.restore(self.read_images())

    def catch_up(self) -> bool:
        """
        If the folders are ahead of the catalogue, bring it up to them; return whether they were.

        A crash between rename and commit leaves a single folder ahead. It is whole, and is indexed like any other:
        nothing in it tells whether it was acknowledged, and what was acknowledged is never lost. More than one folder
        ahead means that the catalogue was taken from a backup, and no row of it can be trusted.
        """
        highest, following = max(self._survey.image_ids(), default=ImageId(-1)), self._index.next_id()
        if highest < following:
            return False
        logger.warning(
            "the folders go up to %d, the catalogue up to %d: bringing it up to them", highest, following - 1
        )
        if highest == following:
            self._index.catch_up(self._read_if_there(highest))
        else:
            self.rebuild()
        return True

    def read_images(self) -> Iterator[tuple[ImageId, Image | None]]:
        """
        Yield the image that each folder holds, in order of number; None for a folder without a readable record.

        The folders are listed when the first image is asked for: whoever reads them in a transaction has begun it then.
        """
        for image_id in sorted(self._survey.image_ids()):
            yield image_id, read_image(self._files, image_id)

    def _read_if_there(self, image_id: ImageId) -> Iterator[tuple[ImageId, Image | None]]:
        """
        Yield the image in this folder, if the folder is still there.

        A failed upload may have withdrawn it since it was listed, so it is looked at only when the image is asked for.
        """
        if _is_there(self._files, image_id):
            yield image_id, read_image(self._files, image_id)


def read_image(files: Files, image_id: ImageId) -> Image | None:
    """The image as its folder says; None if the folder holds no readable record."""
    try:
        if _has(files, image_id, layout.TOMBSTONE):
            return Image(image_id, _DELETED, State.DELETED)
        record = record_from_json(files.read(image_id, layout.RECORD))
    except (FileNotStored, StoreUnavailable, ValueError) as error:
        logger.warning("folder %d holds no readable record; its number stays taken: %s", image_id, error)
        return None
    outcome = _read_outcome(files, image_id)
    if outcome is None:
        return Image(image_id, record, State.PENDING)
    state = State.READY if outcome.failure is None else State.FAILED
    made = outcome.vignettes
    return Image(
        image_id,
        record,
        state,
        0 if outcome.to_come else outcome.attempts,
        outcome.failure,
        outcome.placeholder,
        recipe_set=layout.recipe_set(made),
        is_completing=bool(outcome.to_come),
        sizes=layout.sizes(made) if state is State.READY else None,
    )


def _read_outcome(files: Files, image_id: ImageId) -> Outcome | None:
    try:
        return outcome_from_json(files.read(image_id, layout.OUTCOME))
    except (FileNotStored, StoreUnavailable, ValueError):
        return None  # the image is then rendered again


def _is_there(files: Files, image_id: ImageId) -> bool:
    try:
        files.names(image_id)
    except FileNotStored:
        return False
    except StoreUnavailable:
        pass  # the folder is there and cannot be read: its number is taken
    return True


def _has(files: Files, image_id: ImageId, name: str) -> bool:
    try:
        files.open(image_id, name).close()
    except FileNotStored:
        return False
    return True


# All that is known of a deleted image is that its number is taken.
_DELETED: Final = Record(None, ImageFacts("", "", 0, 0, 0), 0, "", datetime.fromtimestamp(0, UTC))
