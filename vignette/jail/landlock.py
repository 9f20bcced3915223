"""
Landlock: takes a process' access to files, networks and other processes away (landlock(7), Linux 5.13 and later).

No rule is ever added, so nothing is granted. A descriptor that is open already stays as it is.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

from vignette.jail.kernel import architecture, call

# The same on every processor.
_CREATE_RULESET: Final = 444
_RESTRICT_SELF: Final = 446

# linux/landlock.h
_CREATE_RULESET_VERSION: Final = 1

# Which rights each version of the interface has: on files the lowest so many bits, from LANDLOCK_ACCESS_FS_EXECUTE to
# MAKE_SYM (1), REFER (2), TRUNCATE (3) and IOCTL_DEV (5).
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NETWORK_SINCE: Final = 4  # BIND_TCP, CONNECT_TCP
_SCOPES_SINCE: Final = 6  # abstract Unix sockets and signals, of processes outside
_BOTH: Final = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


def version() -> int:
    """Return the version of Landlock's interface that this kernel has; 0 without Landlock."""
    if architecture() is None:
        return 0
    try:
        return call(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)
    except OSError:  # it was not built in, is switched off, or a container's own filter hides it
        return 0


def grant_nothing() -> None:
    """
    Take all access away from this thread, and from all that it starts: to open, make, remove or execute a file, to bind
    and connect TCP sockets, to reach abstract Unix sockets and to signal processes outside, as far as the kernel's
    version can. `PR_SET_NO_NEW_PRIVS` must be set.

    Raises:
        OSError: The kernel refuses.
    """
    has = version()
    ruleset = _Ruleset(
        files=(1 << _FILE_RIGHTS[min(has, max(_FILE_RIGHTS))]) - 1,
        network=_BOTH if has >= _NETWORK_SINCE else 0,
        scopes=_BOTH if has >= _SCOPES_SINCE else 0,
    )
    known_bytes = 24 if has >= _SCOPES_SINCE else 16 if has >= _NETWORK_SINCE else 8
    descriptor = call(_CREATE_RULESET, ruleset, known_bytes, 0)
    try:
        call(_RESTRICT_SELF, descriptor, 0)
    finally:
        os.close(descriptor)
