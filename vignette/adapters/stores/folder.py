"""
The object store on a local file system: one folder for each image below one root.

No library that we know flushes what it writes, and "201 means kept" needs just that: a file is written under another
name, flushed (`fsync`), renamed, and then the folder that holds the name is flushed too. See `fsync(2)`, `rename(2)`.

What can be made again is written in the same way, but not flushed: `flush_all` does that for many images at once.

With `durability = "fast"` no file is flushed by itself; all else is the same, so that whatever dies but the machine
itself leaves the same behind.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final

from vignette.adapters.stores.write_back import boot_id, write_back
from vignette.errors import FileNotStored, NumberTaken, StoreFull, StoreUnavailable
from vignette.limits import KIB
from vignette.model import Durability, ImageId
from vignette.ports.store import StagedImage

# No number begins with a dot, so nothing in here is ever taken for an image.
STAGING: Final = ".staging"

# Holds the seal, a file of a random name that only the disk of the uploads has. The mount point of a disk that is not
# mounted is a folder like any other; what is written there is hidden as soon as the disk is back.
SEALS: Final = ".vignette"

# As a number is written in a URL; whatever else lies in the folder is none of ours.
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)

# More than any record or outcome: each is read at once.
_READ_BYTES: Final = 64 * KIB

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

    def write(self, path: Path | str, content: bytes, *, flush: bool = True) -> None:
        """Write a new file at *path*, and flush it unless it is told not to."""
        with open(path, "xb", buffering=0) as file:  # noqa: PTH123 (for each vignette)
            _write_all(file, content)
            if flush:
                self.flush(file.fileno())


def _write_all(file: FileIO, content: bytes | memoryview) -> None:
    written = file.write(content)
    while written < len(content):  # a disk that is nearly full takes a part
        content = memoryview(content)[written:]
        written = file.write(content)


def _remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it. What cannot be removed now stays for the next time."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _remove_files_and_folder(folder: Path, names: Iterable[str]) -> None:
    """
    Remove files by their *names*, then their folder. To list the folder would take a descriptor, and the lack of
    descriptors may be why we are here. The sweep removes what stays, when it is old enough.
    """
    for name in names:
        with suppress(OSError):
            (folder / name).unlink()
    with suppress(OSError):
        folder.rmdir()


def _is_strange(name: str) -> bool:
    # fsck(8) of the operating system keeps what it finds in lost+found, at the root of a disk.
    return not (_NUMBER.fullmatch(name) or name.startswith(".") or name == "lost+found")


def _seal_below(root: Path) -> str | None:
    with _our_errors(f"the upload folder {root} cannot be used"), suppress(FileNotFoundError, NotADirectoryError):
        return min((f"{root}/{SEALS}/{name}" for name in os.listdir(root / SEALS)), default=None)  # noqa: PTH208
    return None


def _last_change(path: Path) -> float:
    """
    When *path*, or a file in this folder, was last changed or renamed, in seconds since the epoch (ctime).

    A folder's own times stand still while a slow upload's file in it grows.
    """
    try:
        inside = list(path.iterdir()) if path.is_dir() else []
        return max(entry.lstat().st_ctime for entry in (path, *inside))
    except FileNotFoundError:  # its upload has just been promoted or discarded
        return time.time()


class StagedFolder:
    """
    A folder below the staging folder, with one open file that grows. See `ports.store.StagedImage`.

    The original is written and flushed by one descriptor. Whoever reads it gets another, which cannot write.
    """

    _ORIGINAL: Final = "original"

    def __init__(self, path: Path, disk: _Disk) -> None:
        self.path = path
        self._disk = disk
        self._promoted_to: Path | None = None
        self._is_staged = True
        self._names = [self._ORIGINAL]
        try:
            path.mkdir()
        except FileNotFoundError:
            path.parent.mkdir(exist_ok=True)
            path.mkdir()
        try:
            self._file = (path / self._ORIGINAL).open("x+b", buffering=0)
        except OSError:
            path.rmdir()
            raise

    def append(self, chunk: bytes | memoryview) -> None:
        with _our_errors("the upload cannot be written"):
            _write_all(self._file, chunk)

    @contextmanager
    def open_original(self) -> Iterator[BinaryIO]:
        path = self.path / self._ORIGINAL
        with _our_errors("the upload cannot be read back"), path.open("rb", buffering=0) as file:
            yield file

    def complete(self, original_name: str, files: dict[str, bytes]) -> None:
        with _our_errors("the upload cannot be flushed"), self._file, ExitStack() as opened:
            self._names += [original_name, *files]
            # All are written before the first is flushed: a flush of one takes the others along for the most part.
            written = [self._file, *(opened.enter_context(self._new(name, content)) for name, content in files.items())]
            for file in written:
                self._disk.flush(file.fileno())
            (self.path / self._ORIGINAL).rename(self.path / original_name)
            self._disk.flush_folder(self.path)

    def _new(self, name: str, content: bytes) -> FileIO:
        file = (self.path / name).open("xb", buffering=0)
        try:
            _write_all(file, content)
        except BaseException:
            file.close()
            raise
        return file

    def discard(self) -> None:
        self._file.close()
        if self._is_staged:
            _remove_files_and_folder(self.path, self._names)

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
            if target.stat().st_ino == self._inode:
                # Back at once: file by file, a process that is killed would leave a half of the folder for an image.
                self.path.parent.mkdir(exist_ok=True)
                target.rename(self.path)
                self._is_staged = True
                self.discard()


class FolderStore:
    """
    The images below *root*: every port of `ports.store`. It makes nothing until it is told to `make` or `seal` the
    folder.

    The seal proves that the disk is mounted. The store notes the seal when it is opened. It looks for the seal before
    it writes, and whenever a folder seems to be gone; if the seal is gone too, that is `StoreUnavailable`. A store that
    was opened before there was a seal does not look.

    *settling_s* is how long a folder must have been as it is, in seconds, to have an edition: file systems count time
    in ticks of up to two seconds (FAT; ext4 and XFS in milliseconds), and two changes in one tick would look like one.
    """

    def __init__(self, root: Path, durability: Durability = "full", *, settling_s: float = 2.5) -> None:
        self._root = root
        self._prefix = f"{root}/"
        self._settling_s = settling_s
        self._disk = _Disk(durability)
        self._staging = root / STAGING
        self._seal = _seal_below(root)

    @property
    def is_sealed(self) -> bool:
        return self._seal is not None

    def make(self) -> None:
        """Make the folder with its parents, and seal it. Only for the first start of all; see `seal`."""
        with _our_errors(f"the upload folder {self._root} cannot be made"):
            self._root.mkdir(parents=True, exist_ok=True)
            with suppress(PermissionError):  # where we may not even look we have not made it either
                self._disk.flush_folder(self._root.parent)
        self.seal()

    def seal(self) -> None:
        """
        Seal the folder unless it is: from now on this is the one. Several processes may do so at once, as each looks
        for the seal that it has noted. Copies of the folder come without (docs/durability.md) and get one of their own.
        """
        if self._seal is not None:
            return
        with _our_errors(f"the upload folder {self._root} cannot be used"):
            self._staging.mkdir(exist_ok=True)
            folder = self._root / SEALS
            folder.mkdir(exist_ok=True)
            seal = folder / secrets.token_hex(16)
            self._disk.write(seal, b"Vignette finds this file while the disk of its uploads is mounted.\n")
            self._disk.flush_folder(folder)
            self._disk.flush_folder(self._root)
        self._seal = str(seal)

    def _require_disk(self) -> None:
        if self._seal is None:
            return
        try:
            os.stat(self._seal)  # noqa: PTH116 (asked for each upload)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StoreUnavailable("the disk of the upload folder is not mounted") from error

    def stage(self) -> StagedFolder:
        with _our_errors("the upload cannot be staged"):
            self._require_disk()
            return StagedFolder(self._staging / secrets.token_hex(16), self._disk)

    def promote(self, staged: StagedImage, image_id: ImageId) -> None:
        if not isinstance(staged, StagedFolder):
            raise TypeError(f"{staged!r} was not staged here")
        target = self._folder(image_id)
        with _our_errors("the upload cannot be put into place"):
            try:
                staged.move_to(target)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    raise NumberTaken(f"there is a folder {image_id} already") from error
                raise
            # Now, as an upload takes its time: where the seal is, there the folder has come to lie.
            self._require_disk()
            self._disk.flush_folder(self._root)

    def open(self, image_id: ImageId, name: str) -> BinaryIO:
        with _our_errors("a stored file cannot be opened"):
            try:
                return (self._folder(image_id) / name).open("rb")
            except FileNotFoundError as error:
                self._require_disk()
                raise FileNotStored(f"image {image_id} has no {name}") from error

    def read(self, image_id: ImageId, name: str) -> bytes:
        # Not by `open`: a buffered file takes twice as many system calls, and `reindex` reads millions of files.
        with _our_errors("a stored file cannot be read"):
            try:
                descriptor = os.open(f"{self._prefix}{image_id}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError as error:
                self._require_disk()
                raise FileNotStored(f"image {image_id} has no {name}") from error
            try:
                chunks = []
                while chunk := os.read(descriptor, _READ_BYTES):
                    chunks.append(chunk)
            finally:
                os.close(descriptor)
        return b"".join(chunks)

    def write(self, image_id: ImageId, name: str, content: bytes) -> None:
        self.write_all(image_id, {name: content})

    def write_all(self, image_id: ImageId, files: Mapping[str, bytes], *, flush: bool = True) -> None:
        flush = flush or self.boot is None
        with _our_errors("a file cannot be written"):
            self._require_disk()
            with self._opened(image_id) as folder:
                for name, content in files.items():
                    self._replace(image_id, name, content, folder, flush=flush)
                if flush:
                    self._disk.flush(folder)

    @contextmanager
    def _opened(self, image_id: ImageId) -> Iterator[int]:
        """A descriptor of the image's folder."""
        try:
            folder = os.open(f"{self._prefix}{image_id}", os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileNotStored(f"image {image_id} has no folder") from error
        try:
            yield folder
        finally:
            os.close(folder)

    def _replace(self, image_id: ImageId, name: str, content: bytes, folder: int, *, flush: bool) -> None:
        # In the staging folder: `rename` needs the same file system, and the sweep clears what a killed process leaves.
        part = f"{self._prefix}{STAGING}/part-{secrets.token_hex(16)}"
        try:
            try:
                self._disk.write(part, content, flush=flush)
            except FileNotFoundError:
                self._staging.mkdir(exist_ok=True)
                self._disk.write(part, content, flush=flush)
            try:
                os.rename(part, name, dst_dir_fd=folder)
            except FileNotFoundError as error:
                raise FileNotStored(f"image {image_id} has no folder") from error
        except BaseException:
            with suppress(OSError):  # what cannot be removed now, the sweep removes
                os.unlink(part)  # noqa: PTH108
            raise

    def remove_all_but(self, image_id: ImageId, name: str) -> None:
        with _our_errors("a file cannot be removed"):
            folder = self._folder(image_id)
            if not folder.is_dir():
                self._require_disk()
                return
            for entry in folder.iterdir():
                if entry.name != name:
                    _remove(entry)
            self._disk.flush_folder(folder)

    def remove(self, image_id: ImageId, name: str, *, flush: bool = True) -> None:
        with _our_errors("a file cannot be removed"):
            folder = self._folder(image_id)
            (folder / name).unlink(missing_ok=True)
            if flush or self.boot is None:
                self._disk.flush_folder(folder)

    @cached_property
    def boot(self) -> str | None:
        return boot_id(self._root)

    def flush_all(self) -> None:
        with _our_errors("what was written cannot be flushed"):
            self._require_disk()
            write_back(self._root)

    def names(self, image_id: ImageId) -> list[str]:
        with _our_errors("a folder cannot be listed"):
            try:
                return sorted(entry.name for entry in self._folder(image_id).iterdir())
            except FileNotFoundError as error:
                self._require_disk()
                raise FileNotStored(f"image {image_id} has no folder") from error

    def edition(self, image_id: ImageId) -> tuple[int, int] | None:
        # Files come, are replaced and go by `rename` and `unlink` alone. Both set the folder's ctime, which nobody can
        # set back; so no file has to be looked at.
        try:
            status = os.stat(f"{self._prefix}{image_id}")  # noqa: PTH116 (asked for each vignette that is served)
        except OSError:
            return None
        if time.time() - status.st_ctime < self._settling_s:
            return None
        return status.st_ino, status.st_ctime_ns

    def holds(self, image_id: ImageId) -> bool:
        with _our_errors("the upload folder cannot be read"):
            try:
                return stat.S_ISDIR(self._folder(image_id).stat().st_mode)
            except FileNotFoundError:
                return False

    def image_ids(self) -> Iterator[ImageId]:
        self._require_disk()
        with _our_errors("the upload folder cannot be listed"), os.scandir(self._root) as entries:
            for entry in entries:
                if _NUMBER.fullmatch(entry.name) and entry.is_dir():
                    yield ImageId(int(entry.name))

    def clear_staging(self, max_age_s: float) -> int:
        old = self.leftovers(max_age_s)
        for name in old:
            _remove(self._staging / name)
        return len(old)

    def leftovers(self, min_age_s: float) -> list[str]:
        oldest = time.time() - min_age_s
        with _our_errors("the staging folder cannot be listed"):
            self._require_disk()
            self._staging.mkdir(exist_ok=True)
            return sorted(entry.name for entry in self._staging.iterdir() if _last_change(entry) < oldest)

    def strangers(self) -> list[str]:
        with _our_errors("the upload folder cannot be listed"), os.scandir(self._root) as entries:
            return sorted(entry.name for entry in entries if _is_strange(entry.name))

    def free_bytes(self) -> int:
        with _our_errors("the upload folder cannot be measured"):
            return shutil.disk_usage(self._root).free

    def probe(self) -> None:
        with _our_errors("the upload folder cannot be written"):
            self._require_disk()
            probe = self._staging / f"probe-{secrets.token_hex(8)}"
            self._staging.mkdir(exist_ok=True)
            probe.mkdir()
            try:
                self._disk.write(probe / "probe", b"vignette")
            finally:
                _remove_files_and_folder(probe, ["probe"])

    def _folder(self, image_id: ImageId) -> Path:
        return self._root / str(image_id)
