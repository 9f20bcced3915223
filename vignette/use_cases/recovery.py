"""
Recover from a crash of a machine: what renderings have written is flushed for many images at once, and what a crash has
taken before that is made again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from vignette import layout
from vignette.errors import FileNotStored, ImageNotFound, StoreUnavailable
from vignette.limits import SWEEP_BATCH
from vignette.model import Image, ImageId, Outcome, State
from vignette.ports.catalogue import Library, Unflushed
from vignette.ports.store import Files, Flushing
from vignette.records import outcome_from_json
from vignette.use_cases.renewal import Renewal

# Linux writes by itself what is that old (dirty_expire_centisecs), so most of it is on the disk by then.
FLUSH_EVERY_S: Final = 30.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Flush:
    """A flush that runs, and the highest note of what it covers."""

    last: int
    done: Future[None]


class Recovery:
    """
    The use case. It may run in any number of processes at once, and be repeated.

    It flushes what this machine has rendered, if there is anything, but not twice within *flush_every_s* seconds.
    """

    def __init__(
        self,
        files: Files,
        disk: Flushing,
        library: Library,
        unflushed: Unflushed,
        renewal: Renewal,
        *,
        flush_every_s: float = FLUSH_EVERY_S,
        batch: int = SWEEP_BATCH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = files
        self._disk = disk
        self._library = library
        self._unflushed = unflushed
        self._renewal = renewal
        self._flush_every_s = flush_every_s
        self._batch = batch
        self._clock = clock
        self._due_at = 0.0
        self._flush: _Flush | None = None
        self._refused_up_to: int | None = None  # the last of the notes whose images are to be rendered again
        # A disk may take minutes, above all if others have written much to it. The sweep must not wait for that.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="flush")

    def advance(self) -> None:
        """
        Check some of the images that a crash may have damaged, and see to the flush. Call this again and again.

        Raises:
            StoreUnavailable: The upload folder cannot be used.
            CatalogueUnavailable: The catalogue cannot be used.
        """
        self._check()
        if self._flush is not None:
            self._look_at_the_flush(self._flush)
        if self._refused_up_to is not None:
            self._render_again_up_to(self._refused_up_to)
        elif self._flush is None and self._clock() >= self._due_at:
            self._begin_to_flush()

    def _check(self) -> None:
        notes = self._unflushed.of_crashed_machines(self._batch)
        # An image that was made in steps has a note of each.
        for image_id in dict.fromkeys(note.image_id for note in notes):
            if not self._is_sound(image_id):
                logger.warning("a crash of the machine has damaged vignettes of image %d", image_id)
                self._renewal.render_again(image_id)
        if notes:
            self._unflushed.forget(notes)

    def _begin_to_flush(self) -> None:
        last = self._unflushed.last()
        if last is not None:
            self._due_at = self._clock() + self._flush_every_s
            self._flush = _Flush(last, self._thread.submit(self._disk.flush_all))

    def _look_at_the_flush(self, flush: _Flush) -> None:
        if not flush.done.done():
            return
        error = flush.done.exception()
        if error is None:
            self._unflushed.forget_up_to(flush.last)
        elif isinstance(error, StoreUnavailable):
            # The system tells only once that the disk has refused something, and what it reads back is from memory: the
            # next flush and a look at the files would both say that all is well. What was written while the flush ran
            # may be what was refused.
            self._refused_up_to = self._unflushed.last()
            logger.warning("what was rendered lately is rendered again: %s", error)
        self._flush = None
        if error is not None and not isinstance(error, StoreUnavailable):
            raise error

    def _render_again_up_to(self, number: int) -> None:
        while notes := self._unflushed.up_to(number, self._batch):
            for note in notes:
                self._renewal.render_again(note.image_id, even_completing=True)
            self._unflushed.forget(notes)
        self._refused_up_to = None

    def _is_sound(self, image_id: ImageId) -> bool:
        """
        Whether the folder holds what the catalogue says of the image, or the image is to be rendered anyway. Whoever
        completes an image looks itself for what is damaged.
        """
        try:
            image = self._library.get(image_id)
        except ImageNotFound:
            return True
        if image.state not in (State.READY, State.FAILED) or image.need is not None:
            return True
        try:
            return self._is_whole(image)
        except (FileNotStored, ValueError):
            return False
        except StoreUnavailable:
            # If the folder as a whole can be used, the fault is that of one file.
            self._files.probe()
            return False

    def _is_whole(self, image: Image) -> bool:
        outcome = outcome_from_json(self._files.read(image.id, layout.OUTCOME))
        if image.state is State.FAILED:
            return outcome.failure is not None
        # The crash may have brought earlier files back: an outcome with its vignettes, or vignettes alone.
        is_the_last = image.failure is not None or layout.recipe_set(outcome.vignettes) == image.recipe_set
        stored = {name for name in self._files.names(image.id) if layout.is_vignette(name)}
        return is_the_last and stored == set(outcome.vignettes) and self._all_fit(image.id, outcome)

    def _all_fit(self, image_id: ImageId, outcome: Outcome) -> bool:
        return all(outcome.fits(name, self._files.read(image_id, name)) for name in outcome.vignettes)
