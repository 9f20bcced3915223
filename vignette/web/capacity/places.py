"""A bounded number of uses at a time."""

from __future__ import annotations

import threading

from vignette.errors import Overloaded


class Places:
    """At most *count* uses at a time in this process. *what* names the use in the error."""

    def __init__(self, what: str, count: int) -> None:
        self._what = what
        self._count = count
        self._free = threading.BoundedSemaphore(count)

    def try_take(self, patience_s: float = 0) -> bool:
        """Take a place; False if none is free, and none becomes free within *patience_s* seconds."""
        return self._free.acquire(timeout=patience_s)

    def give_back(self) -> None:
        self._free.release()

    def overloaded(self) -> Overloaded:
        """Return the error of a request that finds no place."""
        return Overloaded(f"{self._count} {self._what} are in progress", measured=self._count, limit=self._count)
