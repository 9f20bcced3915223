"""
What one rendering may take of the machine, on top of what its process has already: memory and processor time.

A process that goes over a limit is not killed: the allocation fails, or a signal comes, and that becomes an error of
ours. What cannot be told so (a library that aborts, a loop that lets no signal handler run) ends the process, or the
worker's time limits do.
"""

from __future__ import annotations

import ctypes
import errno
import math
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from vignette.errors import RenderingFailed, TooMuchMemory, TooMuchTime
from vignette.limits import KIB, MIB

_MEMORY_OF_THIS_PROCESS: Final = Path("/proc/self/statm")

# A handler that raises may be called where errors are dropped (a callback from C): it is called again each second.
_SIGNAL_AGAIN_S: Final = 1.0

# From mallopt(3) and malloc.h: blocks from this size on are the system's again as soon as they are freed.
_M_MMAP_THRESHOLD: Final = -3
_MMAP_THRESHOLD_BYTES: Final = 128 * KIB

# For the environment that a worker is started with: glibc asks for large pages (malloc.hugetlb, since 2.35). What was
# given back comes again page by page, and with small ones that costs a twentieth of a vignette, or a fifth of some.
LARGE_PAGES: Final = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}

# How libheif says that an allocation failed, which may have been one of another thread.
_LIBHEIF_OUT_OF_MEMORY: Final = "Memory allocation error"


def give_back_what_is_freed() -> None:
    """
    Have glibc give freed blocks of 128 KiB and more back to the system at once, in this process and in its forks.

    By itself it raises that size with each larger block that is freed. After some large pictures a process would keep
    100 MB that is full of holes: the next one has all of its memory on top of that, or fits into the holes and so takes
    more than its limit.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)


@contextmanager
def confined(memory_bytes: int, cpu_seconds: float) -> Iterator[None]:
    """
    Let what runs within take *memory_bytes* and *cpu_seconds* more than the process has taken by now; all its threads
    together. Main thread only.

    The memory is that of RLIMIT_DATA, since Linux 4.7 all private writable mappings: what is allocated, and the whole
    of each thread's stack. Not RLIMIT_AS, in which the C library's reservations for threads (64 MiB each), files that
    are mapped and code count as well, none of which takes memory. Elsewhere than on Linux it is not limited.

    Raises:
        TooMuchMemory: It needs more.
        TooMuchTime: It needs more.
    """
    with _memory(memory_bytes), _processor_time(cpu_seconds):
        yield


@contextmanager
def _memory(limit: int) -> Iterator[None]:
    restore = _limit_data(limit)
    errno_of_thread = _errno()
    errno_of_thread.value = 0
    try:
        yield
    except (MemoryError, RenderingFailed) as error:
        is_out_of_memory = errno_of_thread.value == errno.ENOMEM or _tells_of_memory(error)
        restore()
        if is_out_of_memory:
            words = f"rendering needs more than the {limit / MIB:,.0f} MiB of memory that it may take"
            raise TooMuchMemory(words, limit=limit) from error
        raise
    finally:
        restore()


def _limit_data(more_bytes: int) -> Callable[[], None]:
    """Let the process have *more_bytes* than it has; what is returned lifts this again."""
    if not _MEMORY_OF_THIS_PROCESS.exists():
        return lambda: None
    data_pages = int(_MEMORY_OF_THIS_PROCESS.read_bytes().split()[5])
    before = resource.getrlimit(resource.RLIMIT_DATA)
    # Only the soft limit, up to the hard one, which nobody could raise again.
    soft = _least(data_pages * resource.getpagesize() + more_bytes, *before)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, before[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_DATA, before)


def _least(*limits: int) -> int:
    return min(limit for limit in limits if limit != resource.RLIM_INFINITY)


def _errno() -> ctypes.c_int:
    """
    What `malloc` leaves ENOMEM in when it fails (malloc(3)), and nothing sets back to 0. Decoders that find no memory
    say anything: libjpeg and libwebp call the picture broken.
    """
    try:
        place = ctypes.CDLL(None).__errno_location
    except AttributeError:  # it is elsewhere, and memory is not limited
        return ctypes.c_int()
    place.restype = ctypes.POINTER(ctypes.c_int)
    return cast(ctypes.c_int, place().contents)


def _tells_of_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError) or _LIBHEIF_OUT_OF_MEMORY in str(error):
            return True
        error = error.__cause__
    return False


@contextmanager
def _processor_time(limit_s: float) -> Iterator[None]:
    def give_up(*_: Any) -> NoReturn:
        words = f"rendering needs more than the {limit_s:g} seconds of processor time that it may take"
        raise TooMuchTime(words, limit=math.ceil(limit_s))

    # Not RLIMIT_CPU: it counts in whole seconds from the start of the process, and kills at its hard limit.
    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, limit_s, _SIGNAL_AGAIN_S)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    finally:
        # Once more: the time may have been over just before it was stopped, and the next signal is a second away.
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
