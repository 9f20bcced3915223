"""The queue of renderings. It is a hint: it may lose everything, and the sweep finds the work again."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from vignette.model import ImageId


class Lane(Enum):
    """Who waits for a job: somebody who looks at the screen, or nobody in particular. The first overtakes."""

    FAST = "fast"
    BULK = "bulk"


class Jobs(Protocol):
    """The queue. It is a hint: it may lose everything, and then the sweep finds the work again in the catalogue."""

    def hint(self, image_id: ImageId, lane: Lane) -> None:
        """Ask that an image be rendered soon; raise `QueueUnavailable` within half a second if that cannot be asked."""

    def hint_all(self, image_ids: Sequence[ImageId], lane: Lane) -> None:
        """`hint` for each, over one connection."""

    def backlog(self) -> int:
        """How many jobs wait, those left out that a worker has taken; raise `QueueUnavailable`."""
