"""The queue of renderings. It is a hint: it may lose everything, and the sweep finds the work again."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from vignette.model import ImageId


class Lane(Enum):
    """Who waits for a job: a person at the screen (`FAST`), or nobody in particular (`BULK`). Fast jobs come first."""

    FAST = "fast"
    BULK = "bulk"


class Jobs(Protocol):
    """The queue. It is a hint: it may lose everything, and then the sweep finds the work again in the catalogue."""

    def hint(self, image_id: ImageId, lane: Lane) -> None:
        """Queue a job that renders the image; raise `QueueUnavailable` within half a second if that cannot be done."""

    def hint_all(self, image_ids: Sequence[ImageId], lane: Lane) -> None:
        """Do as `hint` for each image, over one connection."""

    def backlog(self) -> int:
        """Return how many jobs wait that no worker has taken; raise `QueueUnavailable` if the queue does not answer."""
