"""
`ports.rates`: sliding windows in Redis, which all processes share, by the library `limits`.

The sliding-window counter keeps two numbers for each holder, however much it asks; a moving window would keep each
request. To ask Redis costs a quarter of a millisecond of processor time, which is a fifth of an ordinary request. So a
process takes a portion of a window at a time, and spends that by itself.

When Redis is away or slow, nobody waits for it: after a few milliseconds the process goes on by itself, with its share
of each rate, and asks again after a second.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from vignette.access.rates import Buckets, Rate, Standing
from vignette.adapters.impatient import Impatient

_KEY_PREFIX: Final = "vignette:rates"

# For so long a request waits for Redis, at worst, once in each pause.
_PATIENCE_S: Final = 0.008
_PAUSE_S: Final = 1.0
# What was given up goes on in a thread of its own; this ends it.
_SOCKET_TIMEOUT_S: Final = 0.4

# A portion is such a part of a rate. Each process may have one that it does not use.
_PORTIONS: Final = 100
# It is spent within such a part of the window, or lost: what is spent later would count in the wrong window.
_PORTION_HOLDS: Final = 0.1
# After a refusal nobody asks again for so long.
_REFUSED_S: Final = 0.5

_MOST_REMEMBERED: Final = 20_000

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Portion:
    """
    Units that were taken in Redis and may be spent here until then, and what Redis said last. So many units, or more,
    were refused until then.
    """

    units: int
    until: float
    standing: Standing
    refused_units: int = 0
    refused_until: float = 0.0


class RedisWindows:
    """
    `Windows` in the Redis at *broker_url*, for a service of so many *processes*. Safe to share between threads; each
    process has to make its own.
    """

    def __init__(
        self, broker_url: str, *, processes: int, patience_s: float = _PATIENCE_S, pause_s: float = _PAUSE_S
    ) -> None:
        self._storage = _storage(broker_url)
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self._impatient = Impatient()
        self._patience_s = patience_s
        self._pause_s = pause_s
        self._processes = processes
        self._away_until = 0.0
        self._is_away = False
        self._lock = threading.Lock()
        self._portions: dict[tuple[str, str], _Portion] = {}
        self._alone: dict[Rate, Buckets] = {}

    def take(self, rate: Rate, holder: str, units: int, *, exactly: bool = False) -> Standing:
        if not exactly and (standing := self._of_portion(rate, holder, units)) is not None:
            return standing
        wanted = units if exactly else max(units, rate.units // _PORTIONS)
        answer = self._ask(lambda: self._take_now(rate, holder, units, wanted))
        if answer is None:
            return self._take_alone(rate, holder, units)
        standing, taken = answer
        return standing if exactly else self._keep_portion(rate, holder, units, taken, standing)

    def spend(self, rate: Rate, holder: str, units: int) -> Standing:
        standing = self.take(rate, holder, units)
        if standing.is_refused and standing.left:
            standing = self.take(rate, holder, standing.left)
        return replace(standing, is_refused=False)

    def look(self, rate: Rate, holder: str) -> Standing:
        standing = self._ask(lambda: self._standing_now(rate, holder))
        if standing is None:
            return self._bucket(rate).standing(holder, time.monotonic(), is_share=True)
        portion = self._portions.get((rate.name, holder))
        return standing if portion is None else replace(standing, left=standing.left + portion.units)

    def _of_portion(self, rate: Rate, holder: str, units: int) -> Standing | None:
        """Spend of what is there already, or refuse what was refused just now; None if Redis has to be asked."""
        now = time.monotonic()
        with self._lock:
            portion = self._portions.get((rate.name, holder))
            if portion is None or portion.standing.rate != rate:
                return None
            is_refused = False
            if portion.until >= now and portion.units >= units:
                portion.units -= units
            elif portion.refused_until >= now and units >= portion.refused_units:
                is_refused = True
            else:
                return None
            said = portion.standing
            return replace(said, left=said.left + portion.units, is_refused=is_refused)

    def _keep_portion(self, rate: Rate, holder: str, units: int, taken: int, said: Standing) -> Standing:
        """Keep what was *taken* beyond *units*; what Redis *said* is left without it."""
        now, key = time.monotonic(), (rate.name, holder)
        with self._lock:
            former = self._portions.pop(key, None)
            kept = former.units if former is not None and former.until >= now else 0
            portion = _Portion(kept + max(0, taken - units), now + rate.window_s * _PORTION_HOLDS, said)
            if said.is_refused:
                portion.refused_units, portion.refused_until = units, now + _REFUSED_S
            if len(self._portions) >= _MOST_REMEMBERED:
                self._portions.clear()
            self._portions[key] = portion
        return replace(said, left=said.left + portion.units)

    def _take_now(self, rate: Rate, holder: str, units: int, wanted: int) -> tuple[Standing, int]:
        """Return how it stands after so many units were taken: *wanted*, or *units* if that is all that there is."""
        limiter, item = self._limiter, _item(rate)
        for taken in sorted({wanted, units}, reverse=True):
            if limiter.hit(item, holder, cost=taken):
                return self._standing_now(rate, holder), taken
        return replace(self._standing_now(rate, holder), is_refused=True), 0

    def _standing_now(self, rate: Rate, holder: str) -> Standing:
        """
        As the limiter's `get_window_stats`; but that says of a window that began in this very millisecond that it ends
        now, as it says of one that does.
        """
        former, former_s, current, current_s = self._storage.get_sliding_window(
            _item(rate).key_for(holder), rate.window_s
        )
        left = max(0, rate.units - math.floor(former * former_s / rate.window_s + current))
        resets_s = []
        if former:  # its units come back one by one
            each_s = rate.window_s / former
            resets_s.append(former_s % each_s or each_s)
        if current:  # the storage keeps it for one window more, in which it is the former one
            left_s = current_s - rate.window_s
            resets_s.append(left_s if left_s > 0 else rate.window_s / current)
        return Standing(rate, left, min(resets_s, default=0.0))

    def _ask(self, call: Callable[[], T]) -> T | None:
        """Return what *call* returns; None if Redis is away, or was a moment ago."""
        if time.monotonic() < self._away_until:
            return None
        try:
            answer = self._impatient.call(call, self._patience_s)
        except Exception as error:  # whatever a strange answer brings about: requests go on
            self._away_until = time.monotonic() + self._pause_s
            if not self._is_away:
                self._is_away = True
                logger.warning("rates are counted in each process by itself: Redis does not answer (%r)", error)
            return None
        if self._is_away:
            self._is_away = False
            logger.info("rates are counted together again")
        return answer

    def _take_alone(self, rate: Rate, holder: str, units: int) -> Standing:
        bucket, now = self._bucket(rate), time.monotonic()
        wait_s = bucket.take(holder, units, now)
        standing = bucket.standing(holder, now, is_refused=wait_s > 0, is_share=True)
        return replace(standing, reset_s=wait_s) if wait_s else standing

    def _bucket(self, rate: Rate) -> Buckets:
        with self._lock:
            if rate not in self._alone:
                self._alone[rate] = Buckets(replace(rate, units=max(1, rate.units // self._processes)))
            return self._alone[rate]


def storage_url(broker_url: str) -> str:
    """Return the URL by which `limits` reaches the broker that kombu reaches by *broker_url*."""
    url = broker_url.replace("redis+socket://", "redis+unix://", 1).replace("virtual_host=", "db=")
    return url.replace("ssl_cert_reqs=CERT_REQUIRED", "ssl_cert_reqs=required")


def _storage(broker_url: str) -> RedisStorage:
    """Return what will connect when it is first used."""
    options: dict[str, Any] = {
        "socket_timeout": _SOCKET_TIMEOUT_S,
        "socket_connect_timeout": _SOCKET_TIMEOUT_S,
        "retry": Retry(NoBackoff(), 0),
        "max_connections": 2,
    }
    return RedisStorage(storage_url(broker_url), key_prefix=_KEY_PREFIX, **options)


def _item(rate: Rate) -> RateLimitItem:
    return RateLimitItemPerSecond(rate.units, rate.window_s, rate.name)
