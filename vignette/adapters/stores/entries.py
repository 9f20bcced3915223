"""Single files and folders, of which no symbolic link is followed; see `folder`."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from vignette import layout
from vignette.errors import StoreUnavailable
from vignette.jail import modes

# ENOTDIR, ELOOP: a link or a file in the place of a folder, a link in that of a file (open(2), O_NOFOLLOW). ENXIO: a
# socket. So it is on Linux and macOS; the BSDs have EMLINK and EFTYPE for a link.
OF_ANOTHER_KIND: Final = frozenset({errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EMLINK})

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Else the opening of a named pipe would wait for somebody who writes into it.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def is_folder(path: Path) -> bool:
    """Whether there is a folder at *path*, and not a link to one."""
    return stat.S_ISDIR(path.lstat().st_mode)


def make_own_folder(path: Path) -> None:
    """
    Make the folder *path* unless it is there.

    Raises:
        StoreUnavailable: There is a link in its place, or a file: what we wrote would come to lie elsewhere.
    """
    with suppress(FileExistsError):
        path.mkdir(modes.FOLDER)
        return
    if not is_folder(path):
        raise StoreUnavailable(f"{path.name} in the upload folder is a link or a file, and no folder")


def open_file(name: str, folder: int) -> int:
    """
    Open the file *name* in the *folder* with this descriptor, to read it.

    Raises:
        FileNotFoundError: There is none. What else has that name is not touched: a link, a folder, a device.
    """
    if not layout.is_file_name(name):
        raise FileNotFoundError
    try:
        descriptor = os.open(name, _FILE, dir_fd=folder)
    except OSError as error:
        if error.errno in OF_ANOTHER_KIND:
            raise FileNotFoundError from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError
    return descriptor


def remove(name: str, folder: int) -> None:
    """
    Remove from the *folder* with this descriptor the file or link *name*, or a folder with all that is in it.

    What cannot be removed now stays for the next time.
    """
    try:
        os.unlink(name, dir_fd=folder)
    except OSError as error:
        # EPERM: that of POSIX for a folder. Linux has EISDIR.
        if error.errno in (errno.EISDIR, errno.EPERM):
            shutil.rmtree(name, ignore_errors=True, dir_fd=folder)


def remove_files_and_folder(folder: Path, names: Iterable[str]) -> None:
    """
    Remove files by their *names*, then their folder. To list the folder would take a descriptor, and the lack of
    descriptors may be why we are here. The sweep removes what stays, when it is old enough.
    """
    for name in names:
        with suppress(OSError):
            (folder / name).unlink()
    with suppress(OSError):
        folder.rmdir()


def last_change(path: Path) -> float:
    """
    When *path*, or a file in this folder, was last changed or renamed, in seconds since the epoch (ctime).

    A folder's own times stand still while a slow upload's file in it grows.
    """
    try:
        inside = list(path.iterdir()) if is_folder(path) else []
        return max(entry.lstat().st_ctime for entry in (path, *inside))
    except FileNotFoundError:  # its upload has just been promoted or discarded
        return time.time()
