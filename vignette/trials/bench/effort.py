"""How long a bench measures."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

T = TypeVar("T")


class Effort(Enum):
    FULL = "full"
    """As for the figures in `docs/performance.md`."""

    QUICK = "quick"
    """A minute at most: enough to see that a ratio is far behind its goal."""

    SMOKE = "smoke"
    """One tiny round: shows that the bench runs, and its figures mean nothing."""

    def choose(self, *, full: T, quick: T, smoke: T) -> T:
        return {Effort.FULL: full, Effort.QUICK: quick, Effort.SMOKE: smoke}[self]
