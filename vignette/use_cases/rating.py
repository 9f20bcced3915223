"""Who may ask how much: rates of addresses and of keys, by what their requests cost, and of keys that are not valid."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from vignette.access.rates import Rate, Standing, units_of
from vignette.errors import AbnormalUsage, QuotaExceeded, ReducedCapacity
from vignette.ports.rates import Windows

_MOST_BLOCKED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates in force; None: as much as anybody likes."""

    of_address: Rate | None = None
    of_key: Rate | None = None
    of_wrong_keys: Rate | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who spends: *name* is an address or the identity of an actor, and *rate* is what it may have."""

    rate: Rate
    name: str


class Rating:
    """
    The use case. Safe to share between threads. *processor_s* tells how many seconds of processor time the thread that
    asks has taken.
    """

    def __init__(
        self,
        windows: Windows,
        rates: Rates,
        *,
        clock: Callable[[], float] = time.monotonic,
        processor_s: Callable[[], float] = time.thread_time,
    ) -> None:
        self.processor_s = processor_s
        self._windows = windows
        self._rates = rates
        self._clock = clock
        self._lock = threading.Lock()
        self._blocked: dict[str, float] = {}

    def holders(self, address: str, identity: str | None = None) -> list[Holder]:
        """Return who spends for a request: its *address*, and, where it is known, the *identity* of its actor."""
        wanted = ((self._rates.of_address, address), (self._rates.of_key, identity))
        return [Holder(rate, name) for rate, name in wanted if rate is not None and name is not None]

    def take(self, holders: Iterable[Holder], seconds: float = 0) -> list[Standing]:
        """
        Spend so many *seconds* of processor time, at least one unit, before they are taken. Return how each holder
        stands, up to the first that is refused: see `refusal_of`.
        """
        standings: list[Standing] = []
        for holder in holders:
            standings.append(self._windows.take(holder.rate, holder.name, _asked(holder.rate, seconds)))
            if standings[-1].is_refused:
                break
        return standings

    def spend(self, holders: Iterable[Holder], seconds: float) -> list[Standing]:
        """Note what a request has cost beyond what was taken for it; return how each stands."""
        units = units_of(seconds)
        return [self._windows.spend(holder.rate, holder.name, units) for holder in holders] if units > 0 else []

    def look(self, holders: Iterable[Holder]) -> list[Standing]:
        return [self._windows.look(holder.rate, holder.name) for holder in holders]

    def require_trust(self, address: str) -> None:
        """
        Raise `AbnormalUsage` if too many keys that are not valid came from *address* lately. No key is looked at then:
        whoever guesses learns nothing, and whoever has a valid key can show it from anywhere else.
        """
        blocked_until = self._blocked.get(address)
        if blocked_until is None or self._rates.of_wrong_keys is None:
            return
        left_s = blocked_until - self._clock()
        if left_s > 0:
            rate = self._rates.of_wrong_keys
            words = f"more than {rate.units} keys that are not valid came from this address in {rate.window_s} seconds"
            raise AbnormalUsage(words, policies=[rate.name], retry_after_s=left_s, limit=rate.units)
        with self._lock:
            self._blocked.pop(address, None)

    def note_wrong_key(self, address: str) -> None:
        """Count a key that was shown from *address* and is not valid."""
        rate = self._rates.of_wrong_keys
        if rate is None:
            return
        standing = self._windows.take(rate, address, 1, exactly=True)
        if not standing.is_refused and standing.left > 0:
            return
        with self._lock:
            if len(self._blocked) >= _MOST_BLOCKED:
                self._blocked.clear()
            self._blocked[address] = self._clock() + max(standing.reset_s, rate.window_s / rate.units)


def refusal_of(standings: Sequence[Standing], seconds: float = 0) -> QuotaExceeded | None:
    """
    Tell why `Rating.take` has refused so many *seconds*, if it has. It is `ReducedCapacity` if there would be more, but
    the processes of the service cannot count together.
    """
    if not standings or not standings[-1].is_refused:
        return None
    standing = standings[-1]
    rate, kind = standing.rate, ReducedCapacity if standing.is_share else QuotaExceeded
    units = _asked(rate, seconds)
    words = f"this takes {units} of {rate.units} units in {rate.window_s} seconds, and {standing.left} are left"
    # Units come back one after the other; that many may not be there sooner.
    wait_s = max(standing.reset_s, (units - standing.left) * rate.window_s / rate.units)
    return kind(words, policies=[rate.name], retry_after_s=math.ceil(wait_s), measured=units, limit=rate.units)


def _asked(rate: Rate, seconds: float) -> int:
    # What no window can hold would be refused for ever; its size has a limit of its own.
    return min(max(1, units_of(seconds)), rate.units)


def last_of_each(standings: Iterable[Standing]) -> list[Standing]:
    """Return the last standing of each rate."""
    return list({standing.rate.name: standing for standing in standings}.values())
