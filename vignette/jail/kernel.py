"""Calls of the Linux kernel that neither Python nor every C library offers, by their numbers."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
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
    function = ctypes.CDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    result = int(function(ctypes.c_long(number), *as_longs))
    if result < 0:
        number_of_error = ctypes.get_errno()
        raise OSError(number_of_error, os.strerror(number_of_error))
    return result


def prctl(option: int, *arguments: int) -> int:
    """
    Set or ask an attribute of this process (prctl(2)).

    Raises:
        OSError: It fails.
    """
    padded = (*arguments, 0, 0, 0, 0)[:4]
    result = int(ctypes.CDLL(None, use_errno=True).prctl(option, *map(ctypes.c_ulong, padded)))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
