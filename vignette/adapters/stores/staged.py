"""An upload on its way into the store: a folder of its own, which grows, and then becomes that of an image or goes."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final

from vignette.adapters.stores.disk import Disk, our_errors, room, too_full, write_all
from vignette.adapters.stores.entries import FOLDER, make_own_folder, remove_files_and_folder
from vignette.errors import StoreFull
from vignette.jail import modes

# File systems that allocate only what is written, where the C library does not do it in their place. Then the room is
# looked at before each write, and two processes may both see the last of it.
_CANNOT_RESERVE: Final = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


class StagedFolder:
    """
    A folder below the staging folder, with one open file that grows. See `ports.store.StagedImage`.

    The original is written and flushed by one descriptor. Whoever reads it gets another, which cannot write.
    """

    _ORIGINAL: Final = "original"

    def __init__(self, path: Path, disk: Disk, min_free_bytes: int = 0) -> None:
        self.path = path
        self._disk = disk
        self._min_free_bytes = min_free_bytes
        self._written = 0
        self._reserved = 0
        self._promoted_to: Path | None = None
        self._is_staged = True
        self._names = [self._ORIGINAL]
        try:
            path.mkdir(modes.FOLDER)
        except FileNotFoundError:
            make_own_folder(path.parent)
            path.mkdir(modes.FOLDER)
        try:
            self._file = open(path / self._ORIGINAL, "xb", buffering=0, opener=modes.private)  # noqa: SIM115
        except OSError:
            path.rmdir()
            raise

    def append(self, chunk: bytes | memoryview) -> None:
        with our_errors("the upload cannot be written"):
            write_all(self._file, chunk)
        self._written += len(chunk)

    def reserve(self, size: int) -> None:
        if size <= self._reserved:
            return
        wanted = size - self._reserved
        with self._alone():
            if wanted > (room := self._room()):
                raise too_full(wanted, room)
            try:
                with our_errors("no room can be set aside for the upload"):
                    self._allocate(size)
            except StoreFull:
                self.settle()
                raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other upload, of any process, reserve meanwhile: both would see the same room."""
        with our_errors("no room can be set aside for the upload"):
            staging = os.open(self.path.parent, FOLDER)
        try:
            with suppress(OSError):  # a network file system may know no locks
                fcntl.flock(staging, fcntl.LOCK_EX)
            yield
        finally:
            os.close(staging)

    def _allocate(self, size: int) -> None:
        # The blocks are taken from the file system itself: so all processes count what all others have reserved, and
        # nobody has to clean up after one that was killed but the sweep, which removes the file.
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(self._file.fileno(), self._reserved, size - self._reserved)
            except OSError as error:
                if error.errno not in _CANNOT_RESERVE:
                    raise
        self._reserved = size

    def _room(self) -> int:
        with our_errors("the upload folder cannot be measured"):
            return room(os.fstatvfs(self._file.fileno()), self._min_free_bytes)

    def settle(self) -> None:
        if self._reserved > self._written:
            with our_errors("the upload cannot be written"):
                os.ftruncate(self._file.fileno(), self._written)
            self._reserved = self._written

    @contextmanager
    def open_original(self) -> Iterator[BinaryIO]:
        self.settle()
        path = self.path / self._ORIGINAL
        with our_errors("the upload cannot be read back"), path.open("rb", buffering=0) as file:
            yield file

    def complete(self, original_name: str, files: dict[str, bytes]) -> None:
        self.settle()
        with our_errors("the upload cannot be flushed"), self._file, ExitStack() as opened:
            self._names += [original_name, *files]
            # All are written before the first is flushed: a flush of one takes the others along for the most part.
            written = [self._file, *(opened.enter_context(self._new(name, content)) for name, content in files.items())]
            if self._reserved and (room := self._room()) < 0:
                raise too_full(sum(map(len, files.values())), max(0, room))
            for file in written:
                self._disk.flush(file.fileno())
            (self.path / self._ORIGINAL).rename(self.path / original_name)
            self._disk.flush_folder(self.path)

    def _new(self, name: str, content: bytes) -> FileIO:
        file = open(self.path / name, "xb", buffering=0, opener=modes.private)  # noqa: SIM115
        try:
            write_all(file, content)
        except BaseException:
            file.close()
            raise
        return file

    def discard(self) -> None:
        self._file.close()
        if self._is_staged:
            remove_files_and_folder(self.path, self._names)

    def move_to(self, target: Path) -> None:
        """Rename the folder to *target*. `withdraw` knows it again by its inode, whatever has that name by then."""
        self._inode = self.path.stat().st_ino
        self._promoted_to = target
        self.path.rename(target)
        self._is_staged = False

    def withdraw(self) -> None:
        target, self._promoted_to = self._promoted_to, None
        if target is None:
            return
        with suppress(OSError):  # what cannot be moved stays whole, and is indexed as what a crash leaves
            if target.lstat().st_ino == self._inode:
                # Back at once: file by file, a process that is killed would leave a half of the folder for an image.
                make_own_folder(self.path.parent)
                target.rename(self.path)
                self._is_staged = True
                self.discard()
