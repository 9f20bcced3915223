"""Settle: have the catalogue say what the folder says of an image that somebody died while he changed it."""

from __future__ import annotations

import logging
from functools import partial

from vignette import layout
from vignette.errors import FileNotStored, StoreUnavailable
from vignette.limits import EDIT_SETTLED_AFTER_S, SWEEP_BATCH
from vignette.model import Edits, ImageId
from vignette.ports.catalogue import Editing
from vignette.ports.store import Editions, Files, Survey
from vignette.records import record_from_json
from vignette.use_cases.reindexing import hidden, safe_edits

logger = logging.getLogger(__name__)


class Settling:
    """The use case. It may run in any number of processes at once, and be repeated."""

    def __init__(
        self, files: Files, survey: Survey, editions: Editions, rows: Editing, *, after_s: float = EDIT_SETTLED_AFTER_S
    ) -> None:
        self._files = files
        self._survey = survey
        self._editions = editions
        self._rows = rows
        self._after_s = after_s

    def settle(self) -> None:
        """Settle some of the changes that began long ago and have not come to an end."""
        for image_id in self._rows.under_way(self._after_s, SWEEP_BATCH):
            try:
                self._rows.settle(image_id, self._after_s, partial(self._read, image_id))
                # Between the file and the row, a process may have kept an answer by what the row said.
                self._editions.renew_edition(image_id)
            except StoreUnavailable as error:
                logger.warning("a change of image %d cannot be settled now: %s", image_id, error)
                continue
            logger.warning("a change of image %d was cut short: its folder counts", image_id, extra={"image": image_id})

    def _read(self, image_id: ImageId) -> Edits:
        try:
            record = record_from_json(self._files.read(image_id, layout.RECORD))
            return safe_edits(self._files, self._survey.listing(image_id), image_id, record)
        except (FileNotStored, ValueError):
            return hidden()  # `fsck` tells what is wrong with the folder
