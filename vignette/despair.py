"""When a process that only fails should end, so that a fresh one takes its place."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

# Three times as long as a process waits for SQLite's lock. If the database itself is away for longer, each process of
# the worker is replaced twice a minute meanwhile, which does no harm. A web process first finds out whether others can
# use it.
DESPAIRS_AFTER_S: Final = 30.0


class Despair:
    """
    Notes since when a process has only failed. Safe to share between threads.

    A trouble may be that of one process alone (a lock that it believes to be taken, too many files that it has open).
    Then it lasts as long as the process.
    """

    def __init__(self, after_s: float = DESPAIRS_AFTER_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._after_s = after_s
        self._clock = clock
        self._failed_since: float | None = None

    def failed(self) -> bool:
        """Note a failure; return whether the process should end: the first failure in a row was *after_s* ago."""
        now, since = self._clock(), self._failed_since
        if since is None:
            self._failed_since = now
            return False
        return now - since >= self._after_s

    def succeeded(self) -> None:
        """Note a success: the next failure counts as the first."""
        self._failed_since = None
