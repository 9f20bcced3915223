"""Upkeep: find the work that was forgotten, clear what crashes left behind, delete."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Final

from vignette import layout
from vignette.errors import FileNotStored, ImageDeleted, ImageNotFailed, QueueUnavailable, StoreFull, VignetteError
from vignette.limits import STAGING_MAX_AGE_S, SWEEP_BATCH
from vignette.model import ImageId, State
from vignette.ports import Catalogue, ImageStore, Jobs, Lane, Taken
from vignette.records import tombstone_to_json

# A job that was queued and not begun after this long may have been lost. Less would only queue jobs twice.
_HINT_MAX_AGE_S: Final = 5.0

# With a backlog it is only slow, most probably. But a count of it can be wrong for good: Celery leaks entries.
_HINT_MAX_AGE_WITH_BACKLOG_S: Final = 600.0

logger = logging.getLogger(__name__)


def _attempt(step: Callable[[], object]) -> None:
    try:
        step()
    except VignetteError as error:
        logger.warning("upkeep: %s", error, exc_info=error.__cause__)


class Upkeep:
    """The use cases. Every method may run in any number of processes at once, and be repeated."""

    def __init__(self, store: ImageStore, catalogue: Catalogue, jobs: Jobs) -> None:
        self._store = store
        self._catalogue = catalogue
        self._jobs = jobs
        self._looks_at_unclaimed: dict[Taken, int] = {}

    def sweep(self) -> None:
        """
        Queue what waits and was forgotten; finish deletions that a crash cut short; clear old staging folders.

        What fails is logged, and keeps nothing else from being done: the next sweep tries it again.
        """
        _attempt(self._queue_forgotten)
        _attempt(self._finish_deletions)
        _attempt(lambda: self._store.clear_staging(STAGING_MAX_AGE_S))

    def _finish_deletions(self) -> None:
        for image_id in self._catalogue.in_state(State.DELETING, SWEEP_BATCH):
            _attempt(partial(self.finish_deletion, image_id))

    def _queue_forgotten(self) -> None:
        unfinished = self._catalogue.unfinished()
        if unfinished == 0:
            return
        try:
            backlog = self._jobs.backlog()
            # Work that ended between the two counts would look like a job that was lost.
            unfinished = min(unfinished, self._catalogue.unfinished())
            image_ids = self._catalogue.interrupted(SWEEP_BATCH)
            # Without this guard a backlog of a minute is queued again every few seconds, and grows by itself. An image
            # whose lease ended needs no guard: its message, if there still is one, was taken long ago.
            is_lost = backlog.waiting + len(backlog.taken) < unfinished
            max_age_s = _HINT_MAX_AGE_S if is_lost else _HINT_MAX_AGE_WITH_BACKLOG_S
            image_ids += self._catalogue.forgotten(max_age_s, SWEEP_BATCH)
            if image_ids:
                logger.info("queueing %d forgotten images again", len(image_ids))
                self._jobs.hint_all(image_ids, Lane.BULK)
            if dropped := self._dropped(backlog.taken):
                logger.info("queueing again what a worker took and dropped: %s", dropped)
                self._jobs.hint_all(dropped, Lane.FAST)  # they had their turn
        except QueueUnavailable as error:
            logger.warning("%d images wait for the queue: %s", unfinished, error)

    def _dropped(self, taken: frozenset[Taken]) -> list[ImageId]:
        """
        What was taken and is not worked on, at this sweep and at the one before: between taking a job and claiming its
        image a worker that lives lets no two seconds pass. Each is found once.
        """
        waiting = self._catalogue.unclaimed({job.image_id for job in taken})
        before = self._looks_at_unclaimed
        self._looks_at_unclaimed = {job: before.get(job, 0) + 1 for job in taken if job.image_id in waiting}
        return sorted({job.image_id for job, looks in self._looks_at_unclaimed.items() if looks == 2})

    def render_again(self, image_id: ImageId, lane: Lane = Lane.BULK) -> None:
        """Have the vignettes of a ready or failed image made anew."""
        self._catalogue.reset(image_id)
        try:
            self._jobs.hint(image_id, lane)
        except QueueUnavailable as error:
            logger.warning("image %d waits for the sweep: %s", image_id, error)

    def retry(self, image_id: ImageId, lane: Lane) -> None:
        """
        Try a failed image again, as if it had never been tried.

        Raises:
            ImageNotFound: There never was one.
            ImageDeleted: It was deleted.
            ImageNotFailed: It is ready, or will be tried anyway.
        """
        state = self._catalogue.get(image_id).state
        if state.is_gone:
            raise ImageDeleted(f"image {image_id} was deleted")
        if state is not State.FAILED:
            raise ImageNotFailed(f"image {image_id} is {state}")
        self.render_again(image_id, lane)

    def failed(self) -> Iterator[ImageId]:
        """The numbers of all failed images; one that is tried again and fails again meanwhile comes once."""
        after = None
        while batch := self._catalogue.in_state(State.FAILED, SWEEP_BATCH, after):
            yield from batch
            after = batch[-1]

    def delete(self, image_id: ImageId) -> None:
        """
        Delete the image: its number stays taken, and of its folder only a tombstone stays.

        Raises:
            ImageNotFound: There never was one.
            ImageDeleted: It was deleted before, or is being deleted.
        """
        self._catalogue.get(image_id)
        # The row first, so that it stops answering; then the tombstone, so that no rebuilt catalogue brings it back.
        if not self._catalogue.begin_delete(image_id):
            raise ImageDeleted(f"image {image_id} was deleted")
        self.finish_deletion(image_id)

    def finish_deletion(self, image_id: ImageId) -> None:
        """
        Remove what there still is of an image whose deletion was begun.

        A crash anywhere leaves `DELETING` behind, and the sweep goes through all of this again; so does a worker that
        is rendering the image: it may write to the folder until its lease ends, and be killed before it tidies up.
        """
        try:
            if layout.TOMBSTONE not in self._store.names(image_id):
                self._write_tombstone(image_id)
        except FileNotStored:
            logger.warning("image %d had no folder", image_id)
        self._store.remove_all_but(image_id, layout.TOMBSTONE)
        self._catalogue.end_delete(image_id)

    def _write_tombstone(self, image_id: ImageId) -> None:
        tombstone = tombstone_to_json(datetime.now(UTC))
        try:
            self._store.write(image_id, layout.TOMBSTONE, tombstone)
        except StoreFull:
            # Who deletes makes room. The vignettes could be made again, if it came to that; and once they are gone no
            # process has an answer that it kept.
            for name in self._store.names(image_id):
                if layout.is_vignette(name):
                    self._store.remove(image_id, name)
            self._store.write(image_id, layout.TOMBSTONE, tombstone)
