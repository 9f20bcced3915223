"""
Rates: how much one holder, an address or a key, may have of the service in some time.

What is asked for is weighed in units. A unit is 5 ms of processor time, and each request that is counted takes one at
least: so a unit is about an ordinary request.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Final

UNIT_S: Final = 0.005
"""The processor time of a unit."""

# Holders of which a process remembers something. Those that have spent least are forgotten first.
_MOST_HOLDERS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `units` in any `window_s` seconds. `name` is that of the policy, as clients read it."""

    name: str
    units: int
    window_s: int


@dataclass(frozen=True, slots=True)
class Standing:
    """
    What a holder has `left` of a rate, which is all for the next `reset_s` seconds. `is_refused` if what it asked for
    is more; then nothing was spent. `is_share` if the rate is a part of the usual one, as the processes of the service
    cannot count together.
    """

    rate: Rate
    left: int
    reset_s: float
    is_refused: bool = False
    is_share: bool = False


class Buckets:
    """
    The units of each holder, in this process: as many as a rate allows at once, and as they come back in its window
    (the generic cell rate algorithm of ITU-T I.371). Safe to share between threads.
    """

    def __init__(self, rate: Rate, *, most_holders: int = _MOST_HOLDERS) -> None:
        self.rate = rate
        self._unit_s = rate.window_s / rate.units
        self._most_holders = most_holders
        self._full_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, holder: str, units: float, now: float) -> float:
        """Take *units* at the time *now*; return 0, or in how many seconds they will be there. Then none is taken."""
        with self._lock:
            full_at = max(self._full_at.get(holder, now), now) + units * self._unit_s
            wait_s = full_at - now - self.rate.window_s
            if wait_s > 0:
                return wait_s
            self._full_at[holder] = full_at
            if len(self._full_at) > self._most_holders:
                self._forget_some(now)
            return 0

    def left(self, holder: str, now: float) -> float:
        """Return how many units *holder* has at the time *now*."""
        spent_s = max(0.0, self._full_at.get(holder, now) - now)
        return self.rate.units - spent_s / self._unit_s

    def standing(self, holder: str, now: float, *, is_refused: bool = False, is_share: bool = False) -> Standing:
        left = self.left(holder, now)
        return Standing(self.rate, math.floor(left), self._unit_s, is_refused, is_share)

    def _forget_some(self, now: float) -> None:
        in_order = sorted(self._full_at.items(), key=lambda item: item[1])
        self._full_at = {holder: full_at for holder, full_at in in_order[-self._most_holders // 2 :] if full_at > now}


def units_of(seconds: float) -> int:
    """Return the units of so many *seconds* of processor time, none for none."""
    return math.ceil(seconds / UNIT_S)
