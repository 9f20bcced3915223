"""How much memory Python's objects take."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager


class Memory:
    peak_bytes = 0


@contextmanager
def most_memory() -> Iterator[Memory]:
    """The most memory that Python's objects take while it lasts, beyond what they took before."""
    memory = Memory()
    gc.collect()
    tracemalloc.start()
    try:
        yield memory
        memory.peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
