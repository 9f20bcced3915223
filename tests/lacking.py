"""
Starts a program on a machine that lacks a layer of the sandbox, as older kernels and some containers do:

    python -m tests.lacking landlock,seccomp PROGRAM ARGUMENT…
"""

from __future__ import annotations

import errno
import os
import sys

from vignette.jail import kernel, seccomp

_CALLS = {"landlock": (444, 445, 446), "seccomp": (317,) if kernel.architecture() == "x86_64" else (277,)}


def lack(*layers: str) -> None:
    """Let the calls of *layers* fail from now on as if the kernel did not know them, here and in all children."""
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    numbers = [number for layer in layers for number in _CALLS[layer]]
    seccomp.install(seccomp.forbidding(numbers, errno.ENOSYS))


if __name__ == "__main__":
    lack(*sys.argv[1].split(","))
    os.execvp(sys.argv[2], sys.argv[2:])
