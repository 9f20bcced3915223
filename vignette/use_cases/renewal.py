"""Render again what failed, in whole or in part, and images whose vignettes recipes made that are no longer in use."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from vignette import layout
from vignette.access.actors import Actor, Scope
from vignette.access.events import What
from vignette.access.policy import Policy
from vignette.errors import ImageNotFailed, Overloaded, QueueUnavailable, SettingsError
from vignette.limits import MOST_RESTARTED, RESTART_PAUSE_S, RESTARTS_REMEMBERED, SWEEP_BATCH, WORKER_SILENCE_S
from vignette.model import Failure, Image, ImageId, ImageRef, Need, State
from vignette.ports.catalogue import Library, Waiting, Workers
from vignette.ports.jobs import Jobs, Lane
from vignette.recipes import Recipe
from vignette.use_cases.auditing import NO_TRAIL, Trail
from vignette.use_cases.browsing import admitted, existing

# The pause between two looks at an image that is being rendered: short beside the time that a rendering takes.
_POLL_S: Final = 0.1

# A worker is heard of by then, even if it is started again or its machine is busy.
_PATIENCE_S: Final = 6 * WORKER_SILENCE_S

# Images that are counted before they are rendered again: if there are more, nobody waits for a more exact number.
_MOST_COUNTED: Final = 10_000

_LANES: Final = {None: Lane.RENEWAL, Need.FIRST: Lane.BULK, Need.REST: Lane.REST, Need.AGAIN: Lane.RENEWAL}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Renewed:
    """An image that needs no more work: rendered by the recipes in force, deleted, or not rendered for *failure*."""

    image_id: ImageId
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """At least *least* and at most *most*. They are the same if all were counted."""

    least: int
    most: int

    def __str__(self) -> str:
        return f"{self.least:,}" if self.least == self.most else f"{self.least:,} to {self.most:,}"


def _pause() -> None:
    time.sleep(_POLL_S)


class _Restarts:
    """When this process restarted which images lately. Safe to share between threads."""

    def __init__(self) -> None:
        self._at: dict[ImageId, float] = {}
        self._lock = threading.Lock()

    def seconds_since(self, image_id: ImageId) -> float:
        """
        Return how long ago it was last restarted, infinity if nobody remembers. If that is long enough for another
        time, this is noted as the last one.
        """
        now = time.monotonic()
        with self._lock:
            since_s = now - self._at.get(image_id, -math.inf)
            if since_s >= RESTART_PAUSE_S:
                self._at.pop(image_id, None)
                self._at[image_id] = now
                if len(self._at) > RESTARTS_REMEMBERED:
                    del self._at[next(iter(self._at))]
            return since_s


class Renewal:
    """
    The use case. Every method may run in any number of processes at once, and be repeated.

    It lets at most *batch* images wait at a time, and calls *pause* between two looks at an image that is being
    rendered.
    """

    def __init__(
        self,
        library: Library,
        waiting: Waiting,
        workers: Workers,
        jobs: Jobs,
        recipes: Sequence[Recipe],
        policy: Policy,
        *,
        batch: int = SWEEP_BATCH,
        pause: Callable[[], object] = _pause,
        trail: Trail = NO_TRAIL,
    ) -> None:
        self._trail = trail
        self._library = library
        self._waiting = waiting
        self._workers = workers
        self._jobs = jobs
        self._policy = policy
        self._sizes = [recipe.name for recipe in recipes]
        self._recipe_set = layout.recipe_set(layout.vignettes(recipes))
        self._batch = batch
        self._pause = pause
        self._restarts = _Restarts()

    def advance(self) -> None:
        """
        Queue some of the images that are due, behind all that is not ready or not complete.

        Afterwards at most a batch of images waits or is being rendered, images without any vignette included. If that
        many do already, none is added.
        """
        room = self._batch - self._waiting.unfinished(at_most=self._batch)
        if room <= 0:
            return
        image_ids = self._waiting.renew(self._recipe_set, room)
        if image_ids:
            logger.info("rendering %d images again that other recipes have made", len(image_ids))
            self._queue(image_ids, Lane.RENEWAL)

    def all_due(self, *, force: bool = False) -> Iterator[ImageId]:
        """
        The ready images that other recipes have made or that could not be rendered again; with *force*, all that are
        ready. They are looked for a batch at a time, while those before are rendered. An image may come twice if it is
        being rendered.
        """
        after = None
        while page := self._waiting.due(None if force else self._recipe_set, self._batch, after):
            yield from (due.image_id for due in page)
            after = page[-1]

    def count_due(self, *, force: bool = False) -> Amount:
        """How many images `all_due` would give. It counts some of them; this costs the same however many there are."""
        least = self._waiting.count_due(None if force else self._recipe_set, _MOST_COUNTED)
        if least < _MOST_COUNTED:
            return Amount(least, least)
        newest = self._library.newest(1)
        return Amount(least, max(least, *(image.id + 1 for image in newest)) if newest else least)

    def is_due(self, image_id: ImageId) -> bool:
        """
        Whether the recipes in force have not made the vignettes of this image yet.

        Raises:
            ImageNotFound: There never was one.
            ImageDeleted: It was deleted.
        """
        return self._is_due(existing(self._library, image_id))

    def run(self, image_ids: Iterable[ImageId], *, force: bool = False) -> Iterator[Renewed]:
        """
        Have these images rendered by the worker of a running service, in the last lane, a batch at a time; yield each
        when it is done. An image that is no longer due when its turn comes is not rendered, unless by *force*. Of one
        that is ready and not complete, what is still to come is made.

        Raises:
            QueueUnavailable: No worker is heard of, or the last one has fallen silent.
            SettingsError: The worker renders by other recipes than ours.
        """
        coming, begun = self._once_a_worker_is_heard_of(image_ids), deque[ImageId]()
        while True:
            for image_id in islice(coming, self._batch - len(begun)):
                if image_id not in begun:
                    begun.append(image_id)
                    self._begin(image_id, force)
            if not begun:
                return
            if (done := self._look(begun[0])) is None:
                self._expect_a_worker(_PATIENCE_S)
                self._pause()
            else:
                begun.popleft()
                yield done

    def _once_a_worker_is_heard_of(self, image_ids: Iterable[ImageId]) -> Iterator[ImageId]:
        for count, image_id in enumerate(image_ids):
            if count == 0:
                self._expect_a_worker(WORKER_SILENCE_S)
            yield image_id

    def render_again(self, image_id: ImageId, lane: Lane = Lane.BULK, *, even_completing: bool = False) -> None:
        """Have the vignettes of a ready or failed image made anew; see `Waiting.reset`."""
        self._waiting.reset(image_id, even_completing=even_completing)
        self._hint(image_id, lane)

    def retry(self, actor: Actor, ref: ImageRef, lane: Lane = Lane.FAST) -> Image:
        """
        Have a failed image tried again, with no attempts counted; return it as it stands afterwards. A ready image that
        lacks sizes is given only those, in the lane of such work. One that could not be rendered again is rendered
        again. Both stay ready.

        Raises:
            NotAllowed: The actor may not change it.
            ImageNotFound: There never was one, or the actor may not see it.
            ImageDeleted: It was deleted.
            ImageNotFailed: All of the image is made, or will be tried anyway.
        """
        image = admitted(self._policy, self._library, actor, Scope.EDIT, ref)
        image_id = image.id
        if not image.has_failed:
            raise ImageNotFailed(f"image {ref} is {image.state}")
        logger.info("image tried again", extra={"image": image_id, **actor.in_log()})
        self._trail.note_afterwards(What.IMAGE_RETRIED, actor, image_id=image_id)
        if image.state is State.READY and not all(map(image.has, self._sizes)):
            self._waiting.reset(image_id, only_rest=True)
            self._hint(image_id, Lane.REST)
        else:
            self.render_again(image_id, lane)
        return existing(self._library, image_id)

    def retry_if_there_is_room(self, actor: Actor, ref: ImageRef) -> Image:
        """
        Do `retry`, for anybody who asks. Nothing is written if it is refused.

        Raises:
            Overloaded: It was tried again less than `limits.RESTART_PAUSE_S` ago, or `limits.MOST_RESTARTED` images
                wait or are being rendered.
            NotAllowed, ImageNotFound, ImageDeleted, ImageNotFailed: As in `retry`.
        """
        image = admitted(self._policy, self._library, actor, Scope.EDIT, ref)
        if image.has_failed:
            self._require_room(image.id)
        return self.retry(actor, ref)

    def render_lost(self, image_id: ImageId) -> bool:
        """
        Have the vignettes of a ready image made anew because one is lost, unless that would start too much; return
        whether they are.
        """
        try:
            self._require_room(image_id)
        except Overloaded as error:
            logger.info("lost vignettes are not made now: %s", error)
            return False
        self.render_again(image_id)
        return True

    def _require_room(self, image_id: ImageId) -> None:
        unfinished = self._waiting.unfinished(at_most=MOST_RESTARTED)
        if unfinished >= MOST_RESTARTED:
            raise Overloaded(f"{unfinished} images wait already", measured=unfinished, limit=MOST_RESTARTED)
        since_s = self._restarts.seconds_since(image_id)
        if since_s < RESTART_PAUSE_S:
            words = f"image {image_id} was tried again {since_s:.0f} seconds ago, it may be after {RESTART_PAUSE_S:g}"
            raise Overloaded(words, measured=int(since_s), limit=int(RESTART_PAUSE_S))

    def failed(self) -> Iterator[ImageId]:
        """
        The numbers of all images that `retry` takes: first the ready ones, then those without any vignette. An image
        that is tried and fails again meanwhile comes once. Images that other recipes have made are left out, because
        they are rendered again by themselves.
        """
        after = None
        while batch := self._library.given_up(self._recipe_set, self._batch, after):
            yield from batch
            after = batch[-1]
        after = None
        while batch := self._library.in_state(State.FAILED, self._batch, after):
            yield from batch
            after = batch[-1]

    def _hint(self, image_id: ImageId, lane: Lane) -> None:
        try:
            self._jobs.hint(image_id, lane)
        except QueueUnavailable as error:
            logger.warning("image %d waits for the sweep: %s", image_id, error)

    def _begin(self, image_id: ImageId, force: bool) -> None:
        # The sweep may have had it rendered meanwhile.
        if force or self._is_due(self._library.get(image_id)):
            self._waiting.reset(image_id)
            self._queue([image_id], _LANES[self._library.get(image_id).need])

    def _is_due(self, image: Image) -> bool:
        if image.state.is_gone:
            return False
        return image.state is not State.READY or image.recipe_set != self._recipe_set or image.failure is not None

    def _look(self, image_id: ImageId) -> Renewed | None:
        """Return what has become of the image; None while it waits or is being rendered."""
        image = self._library.get(image_id)
        if image.state.is_gone:
            return Renewed(image_id)
        if image.need is not None:
            return None
        if image.recipe_set != self._recipe_set:
            raise SettingsError("the worker renders by other recipes than those set now: start the service anew")
        return Renewed(image_id, image.failure)

    def _expect_a_worker(self, patience_s: float) -> None:
        silence_s = self._workers.seconds_since_beat()
        if silence_s is None or silence_s > patience_s:
            raise QueueUnavailable("no worker is heard of: does the service run?")

    def _queue(self, image_ids: Sequence[ImageId], lane: Lane) -> None:
        try:
            self._jobs.hint_all(image_ids, lane)
        except QueueUnavailable as error:
            logger.warning("%d images wait for the sweep: %s", len(image_ids), error)
