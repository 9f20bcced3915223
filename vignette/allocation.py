"""Did an allocation fail? Libraries do not always tell: libjpeg and libwebp then call the picture broken."""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Callable
from typing import cast


def watch_allocations() -> Callable[[], bool]:
    """
    Return a function that tells whether an allocation has failed in this thread since.

    It looks at `errno`, which `malloc` sets to ENOMEM when it fails (malloc(3)), and nothing sets back to 0. Another
    failed call may set it to something else: ask at once.
    """
    errno_of_thread = _errno()
    errno_of_thread.value = 0
    return lambda: errno_of_thread.value == errno.ENOMEM


def _errno() -> ctypes.c_int:
    try:
        place = ctypes.CDLL(None).__errno_location
    except AttributeError:  # this C library keeps errno elsewhere
        return ctypes.c_int()
    place.restype = ctypes.POINTER(ctypes.c_int)
    return cast(ctypes.c_int, place().contents)
