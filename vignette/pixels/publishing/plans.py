"""Keeps plans of public copies in memory: a copy that is asked for again takes no further pass over its original."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Final

from vignette.pixels.pieces import Pieces

# What a plan takes beside its pieces: the key, the entry, its list. Measured: 320.
_OVERHEAD_BYTES: Final = 512


class Plans:
    """
    Keeps the plans that were used last, of at most *max_bytes* together. A single plan that is larger is not kept.

    Safe to share between threads.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        # The least recently used plan comes first.
        self._plans: dict[Hashable, Pieces] = {}
        self._coming: dict[Hashable, Future[Pieces]] = {}
        self.kept_bytes = 0

    def find(self, key: Hashable) -> Pieces | None:
        """Return the plan of this *key*; None if it is not kept."""
        with self._lock:
            return self._use(key)

    def find_or_make(self, key: Hashable, make: Callable[[], Pieces]) -> Pieces:
        """
        Return the plan of this *key*; if it is not kept, make it by *make*.

        If several callers ask for it at the same time, one makes it, and the others wait. What *make* raises is raised
        to all of them.
        """
        with self._lock:
            if (plan := self._use(key)) is not None:
                return plan
            coming = self._coming.get(key)
            if is_ours := coming is None:
                coming = self._coming[key] = Future()
        if is_ours:
            self._make(key, make, coming)
        return coming.result()

    def _make(self, key: Hashable, make: Callable[[], Pieces], coming: Future[Pieces]) -> None:
        try:
            plan = make()
        except BaseException as error:
            with self._lock:
                del self._coming[key]
            coming.set_exception(error)
            raise
        # Both at once: a caller that found neither would make the plan again.
        with self._lock:
            del self._coming[key]
            self._keep(key, plan)
        coming.set_result(plan)

    def _use(self, key: Hashable) -> Pieces | None:
        plan = self._plans.pop(key, None)
        if plan is not None:
            self._plans[key] = plan
        return plan

    def _keep(self, key: Hashable, plan: Pieces) -> None:
        if _cost(plan) > self._max_bytes:
            return
        self._plans[key] = plan
        self.kept_bytes += _cost(plan)
        while self.kept_bytes > self._max_bytes:
            self.kept_bytes -= _cost(self._plans.pop(next(iter(self._plans))))


def _cost(plan: Pieces) -> int:
    return plan.memory_bytes + _OVERHEAD_BYTES
