"""Does the worker take work? This module only counts what others have seen: it asks nothing and ends nothing."""

from __future__ import annotations

from typing import Final

from vignette.limits import KILL_GRACE_S
from vignette.worker.notes import Pulse

# After a loss of its connection, Celery tries every 32 seconds at worst to get back to its queue: a worker that tries
# twice is not stuck.
_LEAST_PATIENCE_S: Final = 90.0


def patience_s(render_seconds: int) -> float:
    """
    Return for how many seconds a worker may begin nothing although work waits.

    The longest rendering is killed after *render_seconds* and the grace time, so by then at least one process of the
    pool is free. The time is doubled for a busy machine: ending a worker that works is worse than ending a stuck one
    late.
    """
    return max(_LEAST_PATIENCE_S, 2.0 * (render_seconds + KILL_GRACE_S))


class Watch:
    """Compares, at each look, what waits with what the worker does. It adds up the times between looks."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._begun = 0
        self._idle_s = 0.0
        self._longest_wait_s = 0.0

    def look(self, pulse: Pulse | None, *, has_work: bool, since_last_look_s: float) -> None:
        """
        Note the last *pulse* of the worker, and whether jobs wait in the queue.

        *since_last_look_s* must be no longer than the usual time between two looks: a worker was not idle while the
        machine was suspended, or the container was paused.
        """
        begun, self._longest_wait_s = (0, 0.0) if pulse is None else (pulse.begun, pulse.longest_wait_s)
        if not has_work or begun != self._begun:
            self._idle_s = 0.0
        else:
            self._idle_s += since_last_look_s
        self._begun = begun

    @property
    def takes_work(self) -> bool:
        """False once half of the patience is over: no rendering takes that long."""
        return self._stuck_s <= self._patience_s / 2

    @property
    def is_stuck(self) -> bool:
        """Whether the patience is at an end: only a new worker helps."""
        return self._stuck_s > self._patience_s

    @property
    def _stuck_s(self) -> float:
        return max(self._idle_s, self._longest_wait_s)
