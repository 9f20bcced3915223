"""
Whose image comes first: each sender has one in the fast lane at a time, so that a thousand images of one do not delay
the first of another.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from vignette.errors import CatalogueUnavailable, ImageNotFound
from vignette.model import Image, ImageId, Need
from vignette.ports.catalogue import Library
from vignette.ports.jobs import Lane

# Senders that a process remembers; whoever is forgotten may have another image in the fast lane.
_MOST_SENDERS: Final = 10_000


class FirstTurns:
    """
    Each process remembers for itself, so a sender may have one image in the fast lane for each web process. To ask
    costs the look at one row, and only if the sender was here before. Safe to share between threads.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._last: OrderedDict[str, ImageId] = OrderedDict()

    def lane_of(self, sender: str, image: Image) -> Lane:
        """Return the lane for *image*, which *sender* has sent: the fast one if no other of his waits in that."""
        if not sender:
            return Lane.FAST
        last = self._last.get(sender)
        if last is not None and self._waits(last):
            return Lane.BULK
        with self._lock:
            if self._last.get(sender) != last:  # another request of his was quicker
                return Lane.BULK
            self._remember(sender, image.id)
        return Lane.FAST

    def _remember(self, sender: str, image_id: ImageId) -> None:
        self._last[sender] = image_id
        self._last.move_to_end(sender)
        if len(self._last) > _MOST_SENDERS:
            self._last.popitem(last=False)

    def _waits(self, image_id: ImageId) -> bool:
        try:
            return self._library.get(image_id).need is Need.FIRST
        except (ImageNotFound, CatalogueUnavailable):
            return False
