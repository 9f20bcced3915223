"""
A queue that is a list, for tests of code that queues; `tests/contract/test_jobs.py` tests it like the real queue. And
windows of rates that are numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from vignette.access.rates import Rate, Standing
from vignette.errors import QueueUnavailable
from vignette.model import ImageId
from vignette.ports.jobs import Lane


class ListJobs:
    """`ports.jobs.Jobs` that keeps what it was asked, and the lane in which last; `is_down` makes it unavailable."""

    def __init__(self) -> None:
        self.hinted: list[ImageId] = []
        self.lanes: dict[ImageId, Lane] = {}
        self.is_down = False
        self.published: list[ImageId] = []
        self.publish_at_once: Callable[[ImageId], None] | None = None
        self.enlarged: list[ImageId] = []
        self.enlarge_at_once: Callable[[ImageId], None] | None = None

    def hint(self, image_id: ImageId, lane: Lane) -> None:
        self.hint_all([image_id], lane)

    def hint_all(self, image_ids: Sequence[ImageId], lane: Lane) -> None:
        if self.is_down:
            raise QueueUnavailable("the queue does not answer")
        self.hinted.extend(image_ids)
        self.lanes.update(dict.fromkeys(image_ids, lane))

    def publish(self, image_id: ImageId) -> None:
        if self.is_down:
            raise QueueUnavailable("the queue does not answer")
        self.published.append(image_id)
        if self.publish_at_once is not None:
            self.publish_at_once(image_id)

    def enlarge(self, image_id: ImageId) -> None:
        if self.is_down:
            raise QueueUnavailable("the queue does not answer")
        self.enlarged.append(image_id)
        if self.enlarge_at_once is not None:
            self.enlarge_at_once(image_id)

    def take(self) -> ImageId:
        """The next job, as a worker takes them."""
        lanes = list(Lane)
        places = range(len(self.hinted))
        return self.hinted.pop(
            min(places, key=lambda place: lanes.index(self.lanes.get(self.hinted[place], Lane.BULK)))
        )

    def backlog(self) -> int:
        if self.is_down:
            raise QueueUnavailable("the queue does not answer")
        return len(self.hinted)


class Numbers:
    """`ports.rates.Windows` in which nothing ever comes back."""

    def __init__(self, *, is_share: bool = False) -> None:
        self.spent: Counter[tuple[str, str]] = Counter()
        self.is_share = is_share

    def take(self, rate: Rate, holder: str, units: int, *, exactly: bool = False) -> Standing:  # noqa: ARG002
        is_refused = self.spent[rate.name, holder] + units > rate.units
        if not is_refused:
            self.spent[rate.name, holder] += units
        return Standing(rate, rate.units - self.spent[rate.name, holder], 1.5, is_refused, self.is_share)

    def spend(self, rate: Rate, holder: str, units: int) -> Standing:
        return self.take(rate, holder, min(units, rate.units - self.spent[rate.name, holder]))

    def look(self, rate: Rate, holder: str) -> Standing:
        return self.take(rate, holder, 0)
