"""
A sandbox for a process that reads the bytes of strangers: whatever it is made to do, it reaches nothing.

It works with the descriptors that it holds, and computes. Each of several layers alone takes most of the rest away:

* its privileges: not root, no capability, and no way to get any (`privileges`);
* Landlock: it opens no file, no TCP socket and no abstract Unix socket, and signals no process outside (`landlock`);
* seccomp: it makes no system call but those of a list; so it opens nothing at all, starts no program and no process
  (`seccomp`);
* limits of the system: no core dump, no file that grows, few descriptors (setrlimit(2)).

Landlock does not know Unix sockets that have a path, nor UDP: without seccomp, the rights of the file system alone keep
the process from the first, and nothing from the second.
"""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vignette.jail import landlock, seccomp
from vignette.jail.privileges import drop_privileges

_THREADS: Final = Path("/proc/self/task")

# Descriptors: what a process is given at a time, and what it duplicates of that. Three are the standard ones.
FEW_DESCRIPTORS: Final = 32


@dataclass(frozen=True, slots=True)
class Abilities:
    """What this machine has of the layers that not every kernel has. Version 0 of Landlock is none."""

    landlock_version: int
    seccomp: bool

    @property
    def shortfall(self) -> str | None:
        """What is missing, in words; None if nothing is."""
        absent = (
            (self.landlock_version == 0, "Landlock (Linux 5.13 or later, switched on)"),
            (not self.seccomp, "seccomp filters (Linux 3.17 or later, on x86_64 or aarch64)"),
        )
        words = " and no ".join(words for is_absent, words in absent if is_absent)
        return f"this machine has no {words}" if words else None


def abilities() -> Abilities:
    """Ask the kernel what it has. A container may hide some of it from its processes."""
    return Abilities(landlock.version(), seccomp.is_available())


def enter_sandbox(*, threads: bool, descriptors: int = FEW_DESCRIPTORS) -> None:
    """
    Put this process into the sandbox, for good, with all layers that the machine has. It must have one thread, because
    others would stay outside. It may start *threads* afterwards if they are wanted.

    Whatever the process will need must be open or loaded before: modules, libraries, `/proc`. Descriptors with numbers
    from *descriptors* on cannot be opened any more; those that are open should be closed before.

    Raises:
        RuntimeError: The process has several threads.
        OSError: The kernel refuses one of the layers that it has.
    """
    if _THREADS.exists() and len(list(_THREADS.iterdir())) > 1:
        raise RuntimeError("a sandbox can only be entered by a process of one thread")
    drop_privileges()
    has = abilities()
    if has.landlock_version:
        landlock.grant_nothing()
    _limit_resources(descriptors, threads=threads)
    if has.seccomp:
        seccomp.restrict_calls(threads=threads)


def _limit_resources(descriptors: int, *, threads: bool) -> None:
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, descriptors)
    if not threads and sys.platform == "linux":
        # It counts all processes and threads of the user: those who need threads cannot have a small number of it. Each
        # thread's stack counts as memory, so their number is bounded all the same.
        _lower(resource.RLIMIT_NPROC, 0)


def _lower(which: int, limit: int) -> None:
    _, hard = resource.getrlimit(which)
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(which, (limit, limit))
