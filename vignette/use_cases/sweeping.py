"""Sweep: find the work that was forgotten, finish what crashes cut short, clear what they left behind."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from vignette.errors import QueueUnavailable, VignetteError
from vignette.limits import STAGING_MAX_AGE_S, SWEEP_BATCH
from vignette.model import ImageId, Need, State
from vignette.ports.catalogue import Library, Waiting
from vignette.ports.jobs import Jobs, Lane
from vignette.ports.store import Staging
from vignette.use_cases.removal import Removal
from vignette.use_cases.throttled import Throttled

# A job may still be on its way into the queue, or out of it, for this long.
HINT_MAX_AGE_S: Final = 5.0

# For how long the catalogue's files may hold traces of deleted images. To clear them costs two flushes.
CLEAR_TRACES_EVERY_S: Final = 30.0

# For how long the copies in `.service/` may be ahead of the catalogue. To compare 10,000 tickets takes half a second.
SETTLE_COPIES_EVERY_S: Final = 60.0

T = TypeVar("T")

logger = logging.getLogger(__name__)


def _attempt(step: Callable[[], T]) -> T | None:
    try:
        return step()
    except VignetteError as error:
        logger.warning("sweep: %s", error, exc_info=error.__cause__)
        return None


class Sweeping:
    """
    The use case. It may run in any number of processes at once, and be repeated.

    Each image that waits and that nobody has claimed should have a job in the queue. When there are fewer jobs than
    such images, the sweep queues as many as are missing. It does not queue all of them again, because a long backlog
    would then grow by itself. It need not know which jobs were lost: it queues the images that came first. A job too
    many finds nothing to do, and one that is still missing is queued by a later sweep.
    """

    def __init__(
        self,
        staging: Staging,
        library: Library,
        waiting: Waiting,
        jobs: Jobs,
        removal: Removal,
        *,
        hint_max_age_s: float = HINT_MAX_AGE_S,
        staging_max_age_s: float = STAGING_MAX_AGE_S,
        clear_traces_every_s: float = CLEAR_TRACES_EVERY_S,
        clear_audit: Callable[[], object] = int,
        settle_edits: Callable[[], object] = int,
        settle_copies: Sequence[Callable[[], object]] = (),
    ) -> None:
        self._settle_copies = [Throttled(settle, SETTLE_COPIES_EVERY_S) for settle in settle_copies]
        self._clear_audit = clear_audit
        self._settle_edits = settle_edits
        self._staging = staging
        self._library = library
        self._waiting = waiting
        self._jobs = jobs
        self._removal = removal
        self._hint_max_age_s = hint_max_age_s
        self._staging_max_age_s = staging_max_age_s
        self._clear_traces = Throttled(removal.clear_traces, clear_traces_every_s)

    def sweep(self) -> int:
        """
        Queue what waits and was forgotten; finish deletions and changes that a crash cut short; clear old staging
        folders, old events, and what deleted images have left in the catalogue's files.

        What fails is logged, and keeps nothing else from being done: the next sweep tries it again.

        Returns:
            How many jobs wait in the queue; 0 if no image does, or if the queue does not answer.
        """
        waiting_jobs = _attempt(self._queue_forgotten) or 0
        _attempt(self._finish_deletions)
        _attempt(self._settle_edits)
        for settle in self._settle_copies:
            _attempt(settle)
        _attempt(lambda: self._staging.clear_staging(self._staging_max_age_s))
        _attempt(self._clear_traces)
        _attempt(self._clear_audit)
        return waiting_jobs

    def _finish_deletions(self) -> None:
        for image_id in self._library.in_state(State.DELETING, SWEEP_BATCH):
            _attempt(partial(self._removal.finish, image_id))

    def _queue_forgotten(self) -> int:
        if not self._waiting.unclaimed(at_most=1):
            return 0
        try:
            before = self._jobs.backlog()
            # Count no further than it takes to see that a batch of jobs is missing.
            unclaimed = self._waiting.unclaimed(at_most=before + SWEEP_BATCH)
            # An upload that came before that count is in the later backlog, and a job that was begun after it is in the
            # earlier one: neither looks like a job that was lost.
            waiting_jobs = max(before, self._jobs.backlog())
            # Nobody need count these: the job of an image whose lease has ended was taken long ago.
            interrupted = self._waiting.interrupted(SWEEP_BATCH)
            self._queue(interrupted, Lane.BULK)
            missing = unclaimed - waiting_jobs - len(interrupted)
            if missing > 0:
                forgotten = self._waiting.forgotten(self._hint_max_age_s, min(missing, SWEEP_BATCH))
                # Few are missing where many wait: a worker took them and died. They had their turn.
                self._queue(forgotten, Lane.FAST if missing < waiting_jobs else Lane.BULK)
        except QueueUnavailable as error:
            logger.warning("images wait for the queue: %s", error)
            return 0
        return waiting_jobs

    def _queue(self, needs: Mapping[ImageId, Need], lane_of_newcomers: Lane) -> None:
        lanes = {Need.FIRST: lane_of_newcomers, Need.REST: Lane.REST, Need.AGAIN: Lane.RENEWAL}
        if needs:
            logger.info("queueing %d forgotten images again", len(needs))
        for need, lane in lanes.items():
            if image_ids := [image_id for image_id, its in needs.items() if its is need]:
                self._jobs.hint_all(image_ids, lane)
