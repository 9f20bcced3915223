"""What reaches the disk, how much room there is, and what the operating system says of both, in our errors."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final

from vignette.errors import StoreFull, StoreUnavailable
from vignette.jail import modes
from vignette.model import Durability

# EFBIG: a limit on the size of files (RLIMIT_FSIZE) is as good as a full disk.
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

# Inodes that uploads leave free, and of a small disk one in twenty: an image takes a dozen with its vignettes.
_FREE_INODES: Final = 10_000
_SHARE_OF_INODES: Final = 20


@contextmanager
def our_errors(doing: str) -> Iterator[None]:
    """Turn what the operating system says into our errors. The words name no path: clients read them."""
    try:
        yield
    except OSError as error:
        reason = f"{doing}: {os.strerror(error.errno) if error.errno else error}"
        if error.errno in _NO_ROOM:
            raise StoreFull(reason) from error
        raise StoreUnavailable(reason) from error


class Disk:
    """What reaches the disk, and when: at once, or when the operating system sees fit."""

    def __init__(self, durability: Durability) -> None:
        self._flushes = durability == "full"

    def flush(self, descriptor: int) -> None:
        if self._flushes:
            os.fsync(descriptor)

    def flush_folder(self, folder: Path) -> None:
        if not self._flushes:
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def write(self, path: Path | str, content: bytes, *, flush: bool = True) -> None:
        """Write a new file at *path*, and flush it unless it is told not to."""
        with open(path, "xb", buffering=0, opener=modes.private) as file:
            write_all(file, content)
            if flush:
                self.flush(file.fileno())


def write_all(file: FileIO, content: bytes | memoryview) -> None:
    written = file.write(content)
    while written < len(content):  # a disk that is nearly full takes a part
        content = memoryview(content)[written:]
        written = file.write(content)


def room(disk: os.statvfs_result, min_free_bytes: int) -> int:
    """
    How many bytes uploads may take of a *disk* of which *min_free_bytes* are to stay free.

    Small files use up its inodes first. Some of those stay free too: the worker, the catalogue and tombstones need
    them.
    """
    # A file system that makes inodes as it needs them counts none.
    if min_free_bytes and disk.f_files and disk.f_favail < min(_FREE_INODES, disk.f_files // _SHARE_OF_INODES):
        return 0
    return disk.f_bavail * disk.f_frsize - min_free_bytes


def too_full(wanted: int, room: int) -> StoreFull:
    room = max(0, room)
    return StoreFull(f"{wanted} bytes are to be written, the disk has room for {room}", measured=wanted, limit=room)
