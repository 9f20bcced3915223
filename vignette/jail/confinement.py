"""
Limits the memory and the processor time that one rendering may take, on top of what its process has already.

A process that exceeds a limit is not killed: an allocation fails, or a signal comes, and we raise an error of ours.
That is not always possible. A library may abort instead, which ends the process; a loop may let no signal handler run,
and then the worker's time limits end the process.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn

from vignette.allocation import watch_allocations
from vignette.errors import RenderingFailed, TooMuchMemory, TooMuchTime
from vignette.limits import KIB, MIB

_MEMORY_OF_THIS_PROCESS: Final = Path("/proc/self/statm")

# A descriptor of it, by the process that it tells of: after a fork it would still tell of the parent.
_opened: Final[dict[int, int]] = {}

# The handler raises an error, which gets lost if the signal comes during a callback from C. So the signal is repeated.
_SIGNAL_AGAIN_S: Final = 1.0

# mallopt(3), malloc.h: glibc returns blocks of at least this size to the system as soon as they are freed.
_M_MMAP_THRESHOLD: Final = -3
_MMAP_THRESHOLD_BYTES: Final = 128 * KIB

# For the environment of a process that decodes: glibc asks the system for large pages (malloc.hugetlb, since 2.35).
# Memory that was returned to the system comes back page by page. With small pages that takes a twentieth of the time of
# a vignette, and a fifth for some.
LARGE_PAGES: Final = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}

# What libheif says when an allocation failed, perhaps in another thread; and glibc, when there is no memory to load a
# library. In both cases `errno` does not tell.
_WORDS_OF_NO_MEMORY: Final = ("Memory allocation error", "failed to map segment from shared object")


def give_back_what_is_freed() -> None:
    """
    Make glibc return freed blocks of 128 KiB and more to the system at once, in this process and in its forks.

    By itself glibc raises that size with each larger block that is freed. After some large pictures a process would
    keep 100 MB that is full of holes. The next picture would then take all of its memory on top of that; or it would
    fit into the holes, and so take more than its limit unnoticed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)


def watch_memory() -> None:
    """Open what `confined` reads. A process that can open nothing later has to do this before."""
    _pages_of_data()


@contextmanager
def confined(memory_bytes: int, cpu_seconds: float) -> Iterator[None]:
    """
    Let the block take *memory_bytes* and *cpu_seconds* more than the process has taken by now. Main thread only.

    All threads of the process count together. The memory is that of RLIMIT_DATA: since Linux 4.7 all private writable
    mappings, that is, whatever is allocated, and the whole stack of each thread. RLIMIT_AS would count what takes no
    memory, too: mapped files, code, and the C library's reservations for threads (64 MiB each). On systems other than
    Linux memory is not limited.

    Raises:
        TooMuchMemory: The block needs more memory.
        TooMuchTime: The block needs more processor time.
    """
    with _memory(memory_bytes), _processor_time(cpu_seconds):
        yield


@contextmanager
def _memory(limit: int) -> Iterator[None]:
    restore = _limit_data(limit)
    an_allocation_failed = watch_allocations()
    try:
        yield
    except TooMuchTime:
        raise  # a library may have lived through a failed allocation before, and left its ENOMEM behind
    except (MemoryError, RenderingFailed, ImportError) as error:  # the first picture loads a library
        is_out_of_memory = an_allocation_failed() or _tells_of_memory(error)
        restore()
        if is_out_of_memory:
            words = f"rendering needs more than the {limit / MIB:,.0f} MiB of memory that it may take"
            raise TooMuchMemory(words, limit=limit) from error
        raise
    finally:
        restore()


def _limit_data(more_bytes: int) -> Callable[[], None]:
    """Limit the memory of the process to *more_bytes* more than it has; return a function that lifts the limit."""
    data_pages = _pages_of_data()
    if data_pages is None:
        return lambda: None
    before = resource.getrlimit(resource.RLIMIT_DATA)
    # Set only the soft limit, and no higher than the hard one: nobody could raise the hard limit again.
    soft = _least(data_pages * resource.getpagesize() + more_bytes, *before)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, before[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_DATA, before)


def _pages_of_data() -> int | None:
    """Return how much memory this process has, as RLIMIT_DATA counts it: in pages. None if the system does not tell."""
    process = os.getpid()
    try:
        if process not in _opened:
            for of_parent in _opened.values():
                os.close(of_parent)
            _opened.clear()
            _opened[process] = os.open(_MEMORY_OF_THIS_PROCESS, os.O_RDONLY | os.O_CLOEXEC)
        return int(os.pread(_opened[process], 256, 0).split()[5])
    except FileNotFoundError:
        return None


def _least(*limits: int) -> int:
    return min(limit for limit in limits if limit != resource.RLIM_INFINITY)


def _tells_of_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError) or any(words in str(error) for words in _WORDS_OF_NO_MEMORY):
            return True
        error = error.__cause__
    return False


@contextmanager
def _processor_time(limit_s: float) -> Iterator[None]:
    def give_up(*_: Any) -> NoReturn:
        words = f"rendering needs more than the {limit_s:g} seconds of processor time that it may take"
        raise TooMuchTime(words, limit=math.ceil(limit_s))

    # RLIMIT_CPU would count whole seconds from the start of the process, and kill the process at its hard limit.
    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, limit_s, _SIGNAL_AGAIN_S)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    finally:
        # Stop the timer once more: if the time ran out just before the first stop, `give_up` raised in its place, and
        # the timer still runs. Its next signal is a second away.
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
