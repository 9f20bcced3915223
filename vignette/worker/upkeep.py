"""
What the process that sweeps does: sweep, recover from crashes of the machine, tell that the worker lives, note what was
interrupted, watch the worker.
"""

from __future__ import annotations

import logging
import os
import re
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from vignette.despair import Despair
from vignette.errors import CatalogueUnavailable, RenderingFailed, TooMuchTime, VignetteError
from vignette.limits import SWEEP_INTERVAL_S
from vignette.model import ImageId
from vignette.ports.catalogue import Workers
from vignette.use_cases.recovery import Recovery
from vignette.use_cases.reindexing import Reindexing
from vignette.use_cases.renewal import Renewal
from vignette.use_cases.sweeping import Sweeping
from vignette.use_cases.verdicts import Verdicts
from vignette.worker.notes import Interrupted, Note, Pulse, from_line
from vignette.worker.pace import END_S
from vignette.worker.watch import Watch

_MOST_BYTES_OF_NOTES: Final = 64 * 1024

# How billiard tells of a process that ended; its other words, and those of an exception, are for the log.
_BY_SIGNAL: Final = re.compile(r"signal (\d+)")
_WITH_STATUS: Final = re.compile(r"exitcode (\d+)")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UpkeepServices:
    """What the process that sweeps needs, built once in it."""

    verdicts: Verdicts
    sweeping: Sweeping
    recovery: Recovery
    renewal: Renewal
    reindexing: Reindexing
    workers: Workers


class Upkeep:
    """
    Runs beside the pool of a worker, and reads the worker's notes.

    *worker* is the process id of the worker's parent process; *notes* is the descriptor of the pipe with the notes.
    *swept* is called after each sweep. A worker that is stuck is ended within *end_s*.
    """

    def __init__(
        self,
        services: Callable[[], UpkeepServices],
        *,
        worker: int,
        notes: int,
        swept: Callable[[], object],
        watch: Watch,
        sweep_every_s: float = SWEEP_INTERVAL_S,
        end_s: float = END_S,
    ) -> None:
        self._services = services
        self._worker = worker
        self._name = f"{socket.gethostname()}:{worker}"
        self._notes = notes
        self._unread = b""
        self._swept = swept
        self._watch = watch
        self._sweep_every_s = sweep_every_s
        self._end_s = end_s
        self._pulse: Pulse | None = None
        self._despair = Despair()
        self._listing: Iterator[None] | None = None
        self._is_stopping = False

    def run(self) -> None:
        """
        Sweep until the worker is gone, or closes its end of the pipe.

        Raises:
            CatalogueUnavailable: The catalogue could not be used for so long that a fresh process should try.
        """
        due_at = last_look_at = time.monotonic()
        while os.getppid() == self._worker:
            now = time.monotonic()
            if now >= due_at and not self._is_stopping:
                self._round(since_last_s=min(now - last_look_at, 2 * self._sweep_every_s))
                self._swept()
                last_look_at, due_at = now, time.monotonic() + self._sweep_every_s
            # While the worker stops, no sweep is due any more.
            pause_s = self._sweep_every_s if self._is_stopping else max(0.0, due_at - time.monotonic())
            if not self._listen(min(self._sweep_every_s, pause_s)):
                return

    def _round(self, since_last_s: float) -> None:
        try:
            services = self._services()
            if self._listing is None:
                services.reindexing.catch_up()
                self._listing = services.reindexing.catch_up_with_all()
            if self._watch.takes_work:
                services.workers.beat(self._name)
            waiting_jobs = services.sweeping.sweep()
            services.recovery.advance()
            services.renewal.advance()
            self._list_some()
        except CatalogueUnavailable as error:
            logger.warning("sweep: %s", error, exc_info=error.__cause__)
            if self._despair.failed():
                raise
        except VignetteError as error:
            logger.warning("sweep: %s", error, exc_info=error.__cause__)
        except Exception:
            # The sweep is what keeps the promise that a lost job is found: nothing may end it.
            logger.exception("sweep")
        else:
            self._despair.succeeded()
            self._look_at_the_worker(waiting_jobs, since_last_s)

    def _list_some(self) -> None:
        """List some more of the folders, once in the life of this process: it looks for those behind a gap."""
        try:
            next(self._listing or iter(()), None)
        except VignetteError:
            self._listing = None  # begin anew
            raise

    def _look_at_the_worker(self, waiting_jobs: int, since_last_s: float) -> None:
        self._watch.look(self._pulse, has_work=waiting_jobs > 0, since_last_look_s=since_last_s)
        if self._watch.is_stuck:
            logger.error("the worker begins nothing although %d jobs wait: ending it", waiting_jobs)
            end(self._worker, self._end_s)

    def _listen(self, timeout_s: float) -> bool:
        """Wait up to *timeout_s* for notes, and do what they say; return whether more of them may come."""
        if not select.select([self._notes], [], [], timeout_s)[0]:
            return True
        read = os.read(self._notes, _MOST_BYTES_OF_NOTES)
        *lines, self._unread = (self._unread + read).split(b"\n")
        for line in lines:
            self._heed(from_line(line))
        return read != b""

    def _heed(self, note: Note) -> None:
        if isinstance(note, Pulse):
            self._pulse = note
        elif isinstance(note, Interrupted):
            self._note_interruption(note)
        else:
            self._is_stopping = True

    def _note_interruption(self, note: Interrupted) -> None:
        try:
            self._services().verdicts.interrupted(ImageId(note.image_id), reason_of(note))
        except VignetteError:
            # The lease ends by itself, and the sweep finds the image.
            logger.exception("the interruption of image %s could not be noted", note.image_id)


def reason_of(note: Interrupted) -> RenderingFailed:
    """Return what the verdict on the image says if this interruption was the last one."""
    if note.time_limit_s is not None:
        return TooMuchTime(f"rendering took more than {note.time_limit_s} seconds", limit=note.time_limit_s)
    by_signal, status = _BY_SIGNAL.search(note.reason), _WITH_STATUS.search(note.reason)
    if by_signal:
        return RenderingFailed(f"rendering was cut short: signal {by_signal[1]} ended its process")
    if status:
        return RenderingFailed(f"rendering was cut short: its process ended with status {status[1]}")
    logger.warning("the rendering of image %d was cut short by %s", note.image_id, note.reason)
    return RenderingFailed("rendering was cut short by a fault of the worker, which is in its log")


def end(worker: int, within_s: float) -> None:
    """End our parent process *worker* by SIGTERM; if it is still there *within_s* later, by SIGKILL. We end too."""
    os.kill(worker, signal.SIGTERM)
    deadline = time.monotonic() + within_s
    while os.getppid() == worker:
        if time.monotonic() >= deadline:
            os.kill(worker, signal.SIGKILL)
            return
        time.sleep(0.1)
