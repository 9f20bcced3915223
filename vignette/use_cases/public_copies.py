"""Remembers, in a web process, what public copies are made of, and which were asked for a moment ago."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Final

from vignette.model import ImageId
from vignette.use_cases.publishing import PublicCopy

# What an entry takes beside the pieces: the key, the digest, the dictionary. Measured: 420.
_OVERHEAD_BYTES: Final = 512

_DROPPED_AFTER_S: Final = 60.0

# The queue may lose a job. So a wish is queued again, but not with each request.
_QUEUED_AGAIN_AFTER_S: Final = 10.0
_MOST_WISHES: Final = 1000


class Copies:
    """
    The copies that were used last, of at most *max_bytes* together. A single one that is larger is not kept.

    With each use, those are dropped that nobody has used for a minute: images that were deleted are among them.
    Safe to share between threads.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        # With the time of its last use; the least recently used comes first.
        self._copies: dict[Hashable, tuple[PublicCopy, float]] = {}
        self.kept_bytes = 0

    def find(self, key: Hashable) -> PublicCopy | None:
        with self._lock:
            self._drop_unused()
            if (known := self._copies.pop(key, None)) is None:
                return None
            self._copies[key] = (known[0], self._clock())
            return known[0]

    def keep(self, key: Hashable, copy: PublicCopy) -> None:
        if _cost(copy) > self._max_bytes:
            return
        with self._lock:
            if key in self._copies:
                self._drop(key)
            self._copies[key] = (copy, self._clock())
            self.kept_bytes += _cost(copy)
            while self.kept_bytes > self._max_bytes:
                self._drop(next(iter(self._copies)))

    def forget(self, key: Hashable) -> None:
        """Drop a copy that can no longer be read."""
        with self._lock:
            if key in self._copies:
                self._drop(key)

    def _drop_unused(self) -> None:
        oldest = self._clock() - _DROPPED_AFTER_S
        while self._copies and next(iter(self._copies.values()))[1] < oldest:
            self._drop(next(iter(self._copies)))

    def _drop(self, key: Hashable) -> None:
        self.kept_bytes -= _cost(self._copies.pop(key)[0])


class Wishes:
    """Which images the worker was told lately to make public copies of. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # The oldest comes first.
        self._told: dict[ImageId, float] = {}

    def is_new(self, image_id: ImageId) -> bool:
        """Note the wish; return whether the worker has to be told."""
        now = self._clock()
        with self._lock:
            if now - self._told.get(image_id, -_QUEUED_AGAIN_AFTER_S) < _QUEUED_AGAIN_AFTER_S:
                return False
            self._told.pop(image_id, None)
            self._told[image_id] = now
            if len(self._told) > _MOST_WISHES:
                del self._told[next(iter(self._told))]
            return True

    def forget(self, image_id: ImageId) -> None:
        """Forget the wish: the worker could not be told of it. So the next client who asks has the worker told."""
        with self._lock:
            self._told.pop(image_id, None)


def _cost(copy: PublicCopy) -> int:
    return copy.memory_bytes + _OVERHEAD_BYTES
