"""Can an upload be taken now, and will its vignette come? Each part of the service is asked, and told apart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from vignette.errors import QueueUnavailable, VignetteError
from vignette.limits import READINESS_HOLDS_S, WORKER_SILENCE_S
from vignette.ports.catalogue import Workers

Probe = Callable[[], object]
"""Does with a part what an upload would, and leaves nothing of it. Raises the error that the upload would meet."""

Readiness = Literal["ready", "degraded", "unavailable"]


@dataclass(frozen=True, slots=True)
class PartReport:
    """How a part is; *trouble* says why it is down, and is None if it is up."""

    trouble: str | None

    @property
    def is_up(self) -> bool:
        return self.trouble is None


@dataclass(frozen=True, slots=True)
class HealthReport:
    """
    The parts by name. `degraded`: an upload is taken, and its vignette waits until all parts are back.
    """

    readiness: Readiness
    parts: Mapping[str, PartReport]


class Health:
    """
    The use case. Safe to share between threads.

    An upload is taken when all parts of *needed* are up; its vignette is made when those of *helpful* are up too.
    """

    def __init__(
        self, *, needed: Mapping[str, Probe], helpful: Mapping[str, Probe], holds_s: float = READINESS_HOLDS_S
    ) -> None:
        self._needed = needed
        self._helpful = helpful
        self._holds_s = holds_s
        self._lock = threading.Lock()
        self._report: HealthReport | None = None
        self._looked_at = 0.0

    def report(self) -> HealthReport:
        """
        How all parts are, at most `limits.READINESS_HOLDS_S` ago: to probe them costs flushes, and anybody may ask.

        One caller looks, and those who ask meanwhile wait for what it finds: an older answer would hide a part that
        hangs.
        """
        with self._lock:
            # From the end of a look: else those who waited for a slow one would look again, one after the other.
            if self._report is None or time.monotonic() - self._looked_at >= self._holds_s:
                self._report = self._look()
                self._looked_at = time.monotonic()
            return self._report

    def _look(self) -> HealthReport:
        needed = {name: _ask(probe) for name, probe in self._needed.items()}
        helpful = {name: _ask(probe) for name, probe in self._helpful.items()}
        if not _all_up(needed):
            readiness: Readiness = "unavailable"
        else:
            readiness = "ready" if _all_up(helpful) else "degraded"
        return HealthReport(readiness, {**needed, **helpful})


def worker_is_heard(workers: Workers) -> Probe:
    """The probe of the workers: one of them has given a sign of life lately."""

    def probe() -> None:
        silence = workers.seconds_since_beat()
        if silence is None:
            raise QueueUnavailable("no worker has ever been here")
        if silence > WORKER_SILENCE_S:
            raise QueueUnavailable(f"no worker has been heard of for {silence:.0f} seconds")

    return probe


def _ask(probe: Probe) -> PartReport:
    try:
        probe()
    except VignetteError as error:
        return PartReport(str(error))
    return PartReport(None)


def _all_up(parts: Mapping[str, PartReport]) -> bool:
    return all(part.is_up for part in parts.values())
