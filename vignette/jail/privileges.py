"""Takes from a process what its user may do beyond its own files: root's powers, and those of set-user-ID programs."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from typing import Final

from vignette.jail import kernel
from vignette.jail.kernel import architecture, call, prctl

# `nobody` of Debian, Fedora and Alpine, and what Linux shows for a user that a namespace does not have.
NOBODY: Final = 65534

# linux/capability.h
_CAPABILITY_VERSION_3: Final = 0x20080522
_LAST_CAPABILITY: Final = 63
_CAPSET: Final = {"x86_64": 126, "aarch64": 91}


class _Capabilities(ctypes.Structure):
    """`cap_user_header_t` or, with the rest left empty, two `cap_user_data_t`."""

    _fields_ = (("words", ctypes.c_uint32 * 6),)


def runs_as_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def drop_privileges(user: int = NOBODY) -> None:
    """
    Give up all that this process may do beyond its user's rights, for good: new privileges by `execve`, and all
    capabilities. Root becomes *user*, with the group of the same number and no other; if a container does not allow
    that, it stays root without capabilities. On systems other than Linux, only this last step happens.

    The kernel forgets `PR_SET_PDEATHSIG` when root becomes somebody else: call `ties.end_with` afterwards.

    Raises:
        OSError: The kernel refuses.
    """
    if sys.platform != "linux":
        _become(user)
        return
    prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    with suppress(OSError):  # before Linux 4.3 there are no ambient capabilities
        prctl(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)
    with suppress(OSError):  # beyond the last one that the kernel knows; or not ours to drop, but execve gives none
        for capability in range(_LAST_CAPABILITY + 1):
            prctl(kernel.PR_CAPBSET_DROP, capability)
    _become(user)
    if (machine := architecture()) is not None:
        header = _Capabilities((_CAPABILITY_VERSION_3, 0))
        call(_CAPSET[machine], header, _Capabilities())
    # Nobody else of the same user may look into this process: ptrace(2), /proc/PID/mem.
    prctl(kernel.PR_SET_DUMPABLE, 0)


def _become(user: int) -> None:
    if not runs_as_root():
        return
    with suppress(OSError):
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
