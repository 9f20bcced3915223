"""Steps that are asked for more often than they are due."""

from __future__ import annotations

import time
from collections.abc import Callable


class Throttled:
    """Does *step* when it is called, but not twice within *every_s* seconds, also if it fails. For one thread."""

    def __init__(self, step: Callable[[], object], every_s: float) -> None:
        self._step = step
        self._every_s = every_s
        self._due_at = 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if now >= self._due_at:
            self._due_at = now + self._every_s
            self._step()
