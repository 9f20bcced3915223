"""A queue that is a list, for tests of code that queues. `tests/contract/test_jobs.py` tests it like the real queue."""

from __future__ import annotations

from collections.abc import Sequence

from vignette.errors import QueueUnavailable
from vignette.model import ImageId
from vignette.ports.jobs import Backlog, Lane, Taken


class ListJobs:
    """
    A `ports.jobs.Jobs` that lists all images in `hinted`, and keeps the last lane of each in `lanes`.

    A test may set `is_down` to make it unavailable, and `taken` to the jobs that it should report as taken by workers.
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
