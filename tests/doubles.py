"""The queue as a list, for tests of what stands before it. `tests/contract/test_jobs.py` holds it to the real one's."""

from __future__ import annotations

from collections.abc import Sequence

from vignette.errors import QueueUnavailable
from vignette.model import ImageId


class ListJobs:
    """`ports.Jobs` that keeps what it was asked; `is_down` makes it unavailable."""

    def __init__(self) -> None:
        self.hinted: list[ImageId] = []
        self.is_down = False

    def hint(self, image_id: ImageId) -> None:
        self.hint_all([image_id])

    def hint_all(self, image_ids: Sequence[ImageId]) -> None:
        if self.is_down:
            raise QueueUnavailable("the queue does not answer")
        self.hinted.extend(image_ids)

    def backlog(self) -> int:
        if self.is_down:
            raise QueueUnavailable("the queue does not answer")
        return len(self.hinted)
