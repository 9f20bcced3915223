"""Can an upload be taken now, and will its vignette come? The report tells the state of each part of the service."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from vignette.errors import QueueUnavailable, StoreFull, VignetteError
from vignette.limits import READINESS_HOLDS_S, READINESS_PATIENCE_S, WORKER_SILENCE_S
from vignette.ports.catalogue import Workers
from vignette.ports.store import Room

Probe = Callable[[], object]
"""Do with one part what an upload would do, and leave nothing behind; raise the error that the upload would get."""

Readiness = Literal["ready", "degraded", "unavailable"]


@dataclass(frozen=True, slots=True)
class PartReport:
    """The state of one part. `trouble` says why the part is down, and is None if it is up."""

    trouble: str | None

    @property
    def is_up(self) -> bool:
        return self.trouble is None


@dataclass(frozen=True, slots=True)
class HealthReport:
    """
    The state of each part, by its name.

    When `readiness` is "degraded", an upload is taken, and its vignette waits until all parts are back.
    """

    readiness: Readiness
    parts: Mapping[str, PartReport]


class Health:
    """
    The use case. Safe to share between threads.

    An upload is taken when all parts of *needed* are up; its vignette is made when those of *helpful* are up too.
    """

    def __init__(
        self,
        *,
        needed: Mapping[str, Probe],
        helpful: Mapping[str, Probe],
        holds_s: float = READINESS_HOLDS_S,
        patience_s: float = READINESS_PATIENCE_S,
    ) -> None:
        self._needed = needed
        self._helpful = helpful
        self._holds_s = holds_s
        self._patience_s = patience_s
        self._looking = threading.Lock()
        self._asked, self._asked_at = "", 0.0
        self._report: HealthReport | None = None
        self._looked_at = 0.0

    def report(self) -> HealthReport:
        """
        Return a report that is at most *holds_s* seconds old: probing costs flushes, and anybody may ask.

        One caller probes the parts. A caller that comes meanwhile waits for the new report, because an older one would
        hide a part that hangs. Each waiting caller holds a thread, so after *patience_s* seconds without an answer it
        gets a report that this part is down.
        """
        while not self._looking.acquire(timeout=self._patience_s / 10):
            if time.monotonic() - self._asked_at >= self._patience_s:
                trouble = f"it has not answered for {self._patience_s:g} seconds"
                return HealthReport("unavailable", {self._asked: PartReport(trouble)})
        try:
            # The age counts from the end of a look. Else callers that waited for a slow look would each look again.
            if self._report is None or time.monotonic() - self._looked_at >= self._holds_s:
                self._report = self._look()
                self._looked_at = time.monotonic()
            return self._report
        finally:
            self._looking.release()

    def _look(self) -> HealthReport:
        needed = {name: self._ask(name, probe) for name, probe in self._needed.items()}
        helpful = {name: self._ask(name, probe) for name, probe in self._helpful.items()}
        if not _all_up(needed):
            readiness: Readiness = "unavailable"
        else:
            readiness = "ready" if _all_up(helpful) else "degraded"
        return HealthReport(readiness, {**needed, **helpful})

    def _ask(self, name: str, probe: Probe) -> PartReport:
        self._asked, self._asked_at = name, time.monotonic()
        try:
            probe()
        except VignetteError as error:
            return PartReport(str(error))
        return PartReport(None)


def takes_uploads(folder: Probe, room: Room) -> Probe:
    """Return a probe that fails if *folder* does, or if the disk has no more room than has to stay free."""

    def probe() -> None:
        folder()
        if room.free_bytes() == 0:
            raise StoreFull("the disk has no more room than min_free_bytes, which stays free", measured=0)

    return probe


def worker_is_heard(workers: Workers) -> Probe:
    """Return a probe that fails unless a worker gave a sign of life in the last `limits.WORKER_SILENCE_S` seconds."""

    def probe() -> None:
        silence = workers.seconds_since_beat()
        if silence is None:
            raise QueueUnavailable("no worker has ever been here")
        if silence > WORKER_SILENCE_S:
            raise QueueUnavailable(f"no worker has been heard of for {silence:.0f} seconds")

    return probe


def _all_up(parts: Mapping[str, PartReport]) -> bool:
    return all(part.is_up for part in parts.values())
