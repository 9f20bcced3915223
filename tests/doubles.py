"""The queue as a list, for tests of what stands before it. `tests/contract/test_jobs.py` holds it to the real one's."""

from __future__ import annotations

from collections.abc import Sequence

from vignette.errors import QueueUnavailable
from vignette.model import ImageId
from vignette.ports.jobs import Backlog, Lane, Taken


class ListJobs:
    """
    `ports.jobs.Jobs` that keeps what it was asked, and the lane in which last; `is_down` makes it unavailable.

    `taken` jobs are said to be in the hands of a worker.
    """

    def __init__(self) -> None:
        self.hinted: list[ImageId] = []
        self.lanes: dict[ImageId, Lane] = {}
        self.is_down = False
        self.taken: set[Taken] = set()

    def hint(self, image_id: ImageId, lane: Lane) -> None:
        self.hint_all([image_id], lane)

    def hint_all(self, image_ids: Sequence[ImageId], lane: Lane) -> None:
        if self.is_down:
            raise QueueUnavailable("the queue does not answer")
        self.hinted.extend(image_ids)
        self.lanes.update(dict.fromkeys(image_ids, lane))

    def backlog(self) -> Backlog:
        if self.is_down:
            raise QueueUnavailable("the queue does not answer")
        return Backlog(len(self.hinted), frozenset(self.taken))
