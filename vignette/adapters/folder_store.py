"""
The object store on a local file system: one folder for each image below one root.

No library that we know flushes what it writes, and "201 means kept" needs just that: a file is written under another
name, flushed (`fsync`), renamed, and then the folder that holds the name is flushed too. See `fsync(2)`, `rename(2)`.

With `durability = "fast"` nothing is flushed; all else is the same, so that whatever dies but the machine itself leaves
the same behind.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from vignette.errors import FileNotStored, StoreFull, StoreUnavailable
from vignette.model import Durability, ImageId
from vignette.ports import StagedImage

# No number begins with a dot, so nothing in here is ever taken for an image.
STAGING: Final = ".staging"

# EFBIG: a limit on the size of files (RLIMIT_FSIZE) is as good as a full disk.
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def _our_errors(doing: str) -> Iterator[None]:
    """Turn what the operating system says into our errors. The words name no path: clients read them."""
    try:
        yield
    except OSError as error:
        reason = f"{doing}: {os.strerror(error.errno) if error.errno else error}"
        if error.errno in _NO_ROOM:
            raise StoreFull(reason) from error
        raise StoreUnavailable(reason) from error


class _Disk:
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

    def write(self, path: Path, content: bytes) -> None:
        """A new file at *path*, flushed."""
        with path.open("xb", buffering=0) as file:
            view = memoryview(content)
            while view:
                view = view[file.write(view) :]
            self.flush(file.fileno())


def _last_change(folder: Path) -> float:
    """
    When *folder* or a file in it was last changed or renamed, in seconds since the epoch.

    That is the inode's ctime: a folder's own times stand still while a slow upload's file in it grows.
    """
    try:
        return max(path.lstat().st_ctime for path in (folder, *folder.iterdir()))
    except FileNotFoundError:  # its upload has just been promoted or discarded
        return time.time()


class StagedFolder:
    """A folder below the staging one; see `ports.StagedImage`."""

    _ORIGINAL: Final = "original"

    def __init__(self, path: Path, disk: _Disk) -> None:
        self.path = path
        self._disk = disk
        self._promoted_to: Path | None = None
        path.mkdir(parents=True)
        try:
            self._file = (path / self._ORIGINAL).open("xb", buffering=0)
        except OSError:
            path.rmdir()
            raise

    def append(self, chunk: bytes) -> None:
        with _our_errors("the upload cannot be written"):
            view = memoryview(chunk)
            while view:
                view = view[self._file.write(view) :]

    def open_original(self) -> BinaryIO:
        with _our_errors("the upload cannot be read back"):
            return (self.path / self._ORIGINAL).open("rb")

    def complete(self, original_name: str, files: dict[str, bytes]) -> None:
        with _our_errors("the upload cannot be flushed"):
            self._disk.flush(self._file.fileno())
            self._file.close()
            (self.path / self._ORIGINAL).rename(self.path / original_name)
            for name, content in files.items():
                self._disk.write(self.path / name, content)
            self._disk.flush_folder(self.path)

    def discard(self) -> None:
        self._file.close()
        # What cannot be removed now, the sweep removes when it is old enough.
        shutil.rmtree(self.path, ignore_errors=True)

    def move_to(self, target: Path) -> None:
        """Rename the folder. It is known again by its inode, whatever happens to the name."""
        self._inode = self.path.stat().st_ino
        self.path.rename(target)
        self._promoted_to = target

    def withdraw(self) -> None:
        if self._promoted_to is None:
            return
        with suppress(OSError):  # it is no image's folder: the next upload of this number sets aside what is left
            descriptor = os.open(self._promoted_to, os.O_RDONLY | os.O_DIRECTORY)
            try:
                # The number is free again, and another upload may have taken it in this instant. Its folder is another
                # inode, and `rmdir` never removes one that holds something.
                if os.fstat(descriptor).st_ino == self._inode:
                    for name in os.listdir(descriptor):  # noqa: PTH208 (by descriptor, not by name)
                        os.unlink(name, dir_fd=descriptor)
            finally:
                os.close(descriptor)
            self._promoted_to.rmdir()


class FolderStore:
    """An `ImageStore` below *root*, which is made if it is missing."""

    def __init__(self, root: Path, durability: Durability = "full") -> None:
        self._root = root
        self._disk = _Disk(durability)
        self._staging = root / STAGING
        with _our_errors("the upload folder cannot be made"):
            self._staging.mkdir(parents=True, exist_ok=True)
            with suppress(PermissionError):  # where we may not even look we have not made it either
                self._disk.flush_folder(root.parent)

    def stage(self) -> StagedFolder:
        with _our_errors("the upload cannot be staged"):
            return StagedFolder(self._staging / secrets.token_hex(16), self._disk)

    def promote(self, staged: StagedImage, image_id: ImageId) -> None:
        if not isinstance(staged, StagedFolder):
            raise TypeError(f"{staged!r} was not staged here")
        target = self._folder(image_id)
        with _our_errors("the upload cannot be put into place"):
            try:
                staged.move_to(target)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                # Only a crash between this rename and the commit of the row leaves a folder under a free number.
                target.rename(self._staging / f"orphan-{image_id}-{secrets.token_hex(8)}")
                staged.move_to(target)
            self._disk.flush_folder(self._root)

    def open(self, image_id: ImageId, name: str) -> BinaryIO:
        with _our_errors("a stored file cannot be opened"):
            try:
                return (self._folder(image_id) / name).open("rb")
            except FileNotFoundError as error:
                raise FileNotStored(f"image {image_id} has no {name}") from error

    def read(self, image_id: ImageId, name: str) -> bytes:
        with _our_errors("a stored file cannot be read"), self.open(image_id, name) as file:
            return file.read()

    def write(self, image_id: ImageId, name: str, content: bytes) -> None:
        folder = self._folder(image_id)
        # A name that no reader asks for, in the same folder: `rename` does not cross file systems.
        part = folder / f".{name}.{secrets.token_hex(8)}"
        with _our_errors("a file cannot be written"):
            try:
                self._disk.write(part, content)
                part.rename(folder / name)
                self._disk.flush_folder(folder)
            except FileNotFoundError as error:
                raise FileNotStored(f"image {image_id} has no folder") from error
            finally:
                part.unlink(missing_ok=True)

    def remove_all_but(self, image_id: ImageId, name: str) -> None:
        with _our_errors("a file cannot be removed"):
            folder = self._folder(image_id)
            if not folder.is_dir():
                return
            for entry in folder.iterdir():
                if entry.name != name:
                    entry.unlink(missing_ok=True)
            self._disk.flush_folder(folder)

    def image_ids(self) -> Iterator[ImageId]:
        with _our_errors("the upload folder cannot be listed"), os.scandir(self._root) as entries:
            for entry in entries:
                if entry.name.isascii() and entry.name.isdecimal() and str(int(entry.name)) == entry.name:
                    yield ImageId(int(entry.name))

    def clear_staging(self, max_age_s: float) -> int:
        oldest = time.time() - max_age_s
        cleared = 0
        with _our_errors("the staging folder cannot be cleared"):
            for folder in self._staging.iterdir():
                if _last_change(folder) < oldest:
                    shutil.rmtree(folder, ignore_errors=True)
                    cleared += 1
        return cleared

    def free_bytes(self) -> int:
        with _our_errors("the upload folder cannot be measured"):
            return shutil.disk_usage(self._root).free

    def probe(self) -> None:
        with _our_errors("the upload folder cannot be written"):
            probe = self._staging / f"probe-{secrets.token_hex(8)}"
            probe.mkdir()
            try:
                self._disk.write(probe / "probe", b"vignette")
            finally:
                shutil.rmtree(probe, ignore_errors=True)

    def _folder(self, image_id: ImageId) -> Path:
        return self._root / str(image_id)
