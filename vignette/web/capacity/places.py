"""Places for what holds a thread for as long as its client takes: so many, and who finds none is sent away."""

from __future__ import annotations

import threading

from vignette.errors import Overloaded


class Places:
    """*count* of them in a process, for *what*, which is named to whom there is none left."""

    def __init__(self, what: str, count: int) -> None:
        self._what = what
        self._count = count
        self._free = threading.BoundedSemaphore(count)

    def take(self, patience_s: float = 0) -> None:
        """
        Raises:
            Overloaded: All are taken, and none has become free within *patience_s*.
        """
        if not self._free.acquire(timeout=patience_s):
            raise Overloaded(f"{self._count} {self._what} are in progress", measured=self._count, limit=self._count)

    def give_back(self) -> None:
        self._free.release()
