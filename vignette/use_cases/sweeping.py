"""Sweep: find the work that was forgotten, finish what crashes cut short, clear what they left behind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from vignette.errors import QueueUnavailable, VignetteError
from vignette.limits import STAGING_MAX_AGE_S, SWEEP_BATCH
from vignette.model import ImageId, State
from vignette.ports.catalogue import Library, Waiting
from vignette.ports.jobs import Backlog, Jobs, Lane, Taken
from vignette.ports.store import Staging
from vignette.use_cases.removal import Removal

# A job that was not begun this long after it was queued may have been lost. Less would only queue jobs twice.
_HINT_MAX_AGE_S: Final = 5.0

# As long as the queue holds a job for each image, such a job most probably waits for its turn. But Celery may leak
# entries, and then the queue looks longer than it is, for good.
_HINT_MAX_AGE_WITH_BACKLOG_S: Final = 600.0

logger = logging.getLogger(__name__)


def _attempt(step: Callable[[], object]) -> None:
    try:
        step()
    except VignetteError as error:
        logger.warning("sweep: %s", error, exc_info=error.__cause__)


class Sweeping:
    """The use case. It may run in any number of processes at once, and be repeated."""

    def __init__(self, staging: Staging, library: Library, waiting: Waiting, jobs: Jobs, removal: Removal) -> None:
        self._staging = staging
        self._library = library
        self._waiting = waiting
        self._jobs = jobs
        self._removal = removal
        self._looks_at_unclaimed: dict[Taken, int] = {}

    def sweep(self) -> None:
        """
        Queue what waits and was forgotten; finish deletions that a crash cut short; clear old staging folders.

        What fails is logged, and keeps nothing else from being done: the next sweep tries it again.
        """
        _attempt(self._queue_forgotten)
        _attempt(self._finish_deletions)
        _attempt(lambda: self._staging.clear_staging(STAGING_MAX_AGE_S))

    def _finish_deletions(self) -> None:
        for image_id in self._library.in_state(State.DELETING, SWEEP_BATCH):
            _attempt(partial(self._removal.finish, image_id))

    def _queue_forgotten(self) -> None:
        if not self._waiting.unfinished(at_most=1):
            return
        try:
            before = _size(self._jobs.backlog())
            # No more are counted than it takes to see that jobs were lost.
            unfinished = self._waiting.unfinished(at_most=before + SWEEP_BATCH)
            after = self._jobs.backlog()
            # An upload that came before the images were counted is in the later backlog, and work that ended after
            # that is in the earlier one: neither looks like a job that was lost.
            is_lost = max(before, _size(after)) < unfinished
            # Without this guard a backlog of a minute is queued again every few seconds, and grows by itself. An image
            # whose lease ended needs no guard: its message, if there still is one, was taken long ago.
            max_age_s = _HINT_MAX_AGE_S if is_lost else _HINT_MAX_AGE_WITH_BACKLOG_S
            image_ids = self._waiting.interrupted(SWEEP_BATCH) + self._waiting.forgotten(max_age_s, SWEEP_BATCH)
            if image_ids:
                logger.info("queueing %d forgotten images again", len(image_ids))
                self._jobs.hint_all(image_ids, Lane.BULK)
            if dropped := self._dropped(after.taken):
                logger.info("queueing again what a worker took and dropped: %s", dropped)
                self._jobs.hint_all(dropped, Lane.FAST)  # they had their turn
        except QueueUnavailable as error:
            logger.warning("images wait for the queue: %s", error)

    def _dropped(self, taken: frozenset[Taken]) -> list[ImageId]:
        """
        What workers have taken and not worked on, at this sweep and at the one before. A worker that lives claims an
        image less than two seconds after it has taken its job. Each job is found once.
        """
        waiting = self._waiting.unclaimed({job.image_id for job in taken})
        before = self._looks_at_unclaimed
        self._looks_at_unclaimed = {job: before.get(job, 0) + 1 for job in taken if job.image_id in waiting}
        return sorted({job.image_id for job, looks in self._looks_at_unclaimed.items() if looks == 2})


def _size(backlog: Backlog) -> int:
    return backlog.waiting + len(backlog.taken)
