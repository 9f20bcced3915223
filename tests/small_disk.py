"""Gives a service small disks of its own: each a tmpfs in a mount namespace, which ends with its last process."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.running import SERVE, Service, running_service


@dataclass(frozen=True)
class Way:
    """The words before a command that runs in a new mount namespace, where it may mount; and in that of a process."""

    into_new: Sequence[str]
    into_that_of: Callable[[int], Sequence[str]]


# As root, or as nobody in particular where the kernel lets everyone have a user namespace.
_WAYS = (
    Way(("unshare", "--mount"), lambda process: ("nsenter", f"--target={process}", "--mount")),
    Way(
        ("unshare", "--map-root-user", "--mount"),
        lambda process: ("nsenter", f"--target={process}", "--user", "--preserve-credentials", "--mount"),
    ),
)


@cache
def way_to_mount() -> Way | None:
    """The first way that there is here, if there is any."""
    for way in _WAYS:
        with suppress(OSError):
            command = [*way.into_new, "mount", "-t", "tmpfs", "none", "/mnt"]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                return way
    return None


@contextmanager
def service_on_small_disks(folder: Path, sizes: dict[str, int], *before: str, **settings: object) -> Iterator[Service]:
    """
    Run the service with each folder that *sizes* names (such as "uploads") on a tmpfs of that many bytes.

    The words *before* go in front of the command of the service.
    """
    mounts = []
    for name, size in sizes.items():
        (folder / name).mkdir(parents=True)
        mounts.append(f"mount -t tmpfs -o size={size} none {shlex.quote(str(folder / name))}")
    script = " && ".join([*mounts, f"exec {shlex.join([*before, *SERVE])}"])
    values = {"min_free_bytes": 0} | settings
    with running_service(folder, command=(*_way().into_new, "sh", "-c", script), **values) as service:
        yield service


def inside(service: Service, path: Path) -> Path:
    """Return a path by which we reach the file that the service sees at *path*."""
    return Path(f"/proc/{service.process.pid}/root") / path.relative_to("/")


def mount_inside(service: Service, *arguments: str) -> None:
    subprocess.run([*_way().into_that_of(service.process.pid), *arguments], check=True)


def _way() -> Way:
    way = way_to_mount()
    assert way is not None, "a test without the mark `needs.mounts()`"
    return way


@contextmanager
def filled(service: Service, folder: Path) -> Iterator[None]:
    """Fill the disk of *folder* to its last byte; after the block it has as much room as before."""
    ballast = inside(service, folder) / "ballast"
    fill(ballast)
    try:
        yield
    finally:
        ballast.unlink()


def fill(ballast: Path) -> None:
    """Write to the file *ballast* until no byte is left on its disk."""
    with ballast.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            with suppress(OSError):
                while os.write(file.fileno(), bytes(size)) == size:
                    pass
