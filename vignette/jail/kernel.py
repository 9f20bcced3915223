"""Calls of the Linux kernel that neither Python nor every C library offers, by their numbers."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from functools import cache
from typing import Final, Literal

Architecture = Literal["x86_64", "aarch64"]

# linux/prctl.h
PR_SET_DUMPABLE: Final = 4
PR_SET_NAME: Final = 15
PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
PR_GET_NO_NEW_PRIVS: Final = 39
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4


@cache
def architecture() -> Architecture | None:
    """Return the processor whose call numbers we know and whose calls this process makes; None for any other."""
    if sys.platform != "linux" or sys.maxsize < 2**32 or sys.byteorder != "little":
        return None
    machine = platform.machine()
    return machine if machine in ("x86_64", "aarch64") else None  # type: ignore[return-value]


def call(number: int, *arguments: int | ctypes.Array[ctypes.c_char] | ctypes.Structure | None) -> int:
    """
    Make the system call of this *number* (syscall(2)). Structures are passed by their address.

    Raises:
        OSError: It fails.
    """
    as_longs = [
        ctypes.c_long(argument or 0) if argument is None or isinstance(argument, int) else ctypes.byref(argument)
        for argument in arguments
    ]
    return _checked(_c_library().syscall(ctypes.c_long(number), *as_longs))


def prctl(option: int, *arguments: int) -> int:
    """
    Set or ask an attribute of this process (prctl(2)).

    Raises:
        OSError: It fails.
    """
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return _checked(_c_library().prctl(option, *map(ctypes.c_ulong, padded)))


@cache
def _c_library() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    return library


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
