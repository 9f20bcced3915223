"""What a test needs that a machine, or who runs the tests, may lack. Without it the test is skipped, and says why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.small_disk import way_to_mount
from vignette.jail import landlock, seccomp

# Where Debian has what administrators run; the path of an ordinary user does not lead there.
ADMINISTRATORS_PATH = "/usr/sbin:/usr/local/sbin"

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: looks at processes through /proc")


LANDLOCK = pytest.mark.skipif(landlock.version() < 6, reason="needs a kernel with Landlock, version 6 or later")
SECCOMP = pytest.mark.skipif(not seccomp.is_available(), reason="needs a kernel with seccomp, on x86_64 or aarch64")


def program(name: str, package: str) -> pytest.MarkDecorator:
    """Debian's *package* has the program *name*."""
    found = shutil.which(name) or shutil.which(name, path=ADMINISTRATORS_PATH)
    return pytest.mark.skipif(found is None, reason=f"needs {name} (Debian: apt install {package})")


def root() -> list[pytest.MarkDecorator]:
    return [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]


def mounts() -> list[pytest.MarkDecorator]:
    """Disks of the test's own. Root has them, and whoever the kernel lets have a user namespace to mount in."""
    reason = "needs root, or a user namespace in which one may mount"
    return [pytest.mark.root, pytest.mark.skipif(way_to_mount() is None, reason=reason)]


def traces() -> list[pytest.MarkDecorator]:
    """strace, and that a process may trace another one of the same user: many systems let nobody do so but root."""
    if shutil.which("strace") is None:
        return [pytest.mark.skip(reason="needs strace (Debian: apt install strace)")]
    refusal = _ptrace_refusal()
    reason = f"needs root, or a kernel that lets processes be traced: {refusal}"
    return [pytest.mark.root, pytest.mark.skipif(bool(refusal), reason=reason)]


def _ptrace_refusal() -> str:
    """Why strace may not attach to a process that is not its own child; nothing if it may."""
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        command = ["strace", "-e", "trace=none", "-p", str(sleeper.pid)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            words = tracer.stderr.readline().strip()
            sleeper.kill()
            tracer.communicate()  # it ends with what it traced
    return "" if words.endswith("attached") else words
