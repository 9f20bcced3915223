"""Recognise pictures that nobody is to see here, by their perceptual hashes, before there is a vignette of them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Final

from vignette.errors import ImageDeleted, ImageNotFound
from vignette.limits import LEAST_PDQ_QUALITY, MOST_PDQ_DISTANCE
from vignette.model import ImageId, Placeholder
from vignette.ports.checks import OnBlocked
from vignette.use_cases.reviewing import Reviewing

CHECK: Final = "block-list"
"""What stands for the name of a check, where it is told why an image is in quarantine."""

REASON: Final = "known-picture"


class Blocking:
    """The use case of the worker. *hashes* are those of the block list (`pixels.pdq.read_hashes`)."""

    def __init__(self, hashes: Collection[int], reviewing: Reviewing, on_blocked: OnBlocked) -> None:
        self._hashes = hashes
        self._act = reviewing.suspect if on_blocked is OnBlocked.QUARANTINE else reviewing.condemn

    def look(self, image_id: ImageId, placeholder: Placeholder) -> None:
        """
        Put the image into quarantine, or delete it, if it looks like one of the list. It stays if `admin` has accepted
        it before, or if there is little that it could be known by.

        Raises:
            StoreFull, StoreUnavailable, FileNotStored, CatalogueUnavailable: It cannot be done now.
        """
        if placeholder.pdq is None or placeholder.quality < LEAST_PDQ_QUALITY:
            return
        hash_ = int(placeholder.pdq, 16)
        if any((hash_ ^ known).bit_count() <= MOST_PDQ_DISTANCE for known in self._hashes):
            with suppress(ImageNotFound, ImageDeleted):
                self._act(image_id, CHECK, REASON)
