"""A process that ends with its parent, whatever ends that: by prctl(2), on Linux only."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

# linux/prctl.h
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36


def end_with(parent: int, number: signal.Signals) -> None:
    """Have this process signalled with *number* as soon as its *parent* is gone; end it now if that is so already."""
    _prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died before the line above took effect
        os._exit(1)


def adopt_orphans() -> None:
    """Have the orphans of our children become our own children, so that we see them end."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3)
