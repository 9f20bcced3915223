"""Bounds how much one key does at a time in this process, from however many addresses."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from vignette.errors import QuotaExceeded


class Shares:
    """
    At most *count* uses at a time for each holder; any number if it is 0. *policy* names them in the error. Safe to
    share between threads.
    """

    def __init__(self, policy: str, count: int) -> None:
        self.policy = policy
        self.count = count
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def held(self, holder: str | None) -> Iterator[None]:
        """
        Hold one; without a *holder*, nothing is counted.

        Raises:
            QuotaExceeded: The holder has as many as it may have.
        """
        if holder is None or not self.count:
            yield
            return
        with self._lock:
            if self._held[holder] >= self.count:
                words = f"the key has {self.count} uploads in progress, which is as many as it may have"
                raise QuotaExceeded(words, policies=[self.policy], measured=self.count + 1, limit=self.count)
            self._held[holder] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held -= Counter((holder,))  # those who hold nothing are left out
