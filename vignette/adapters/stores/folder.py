"""
The object store on a local file system: one folder for each image below one root.

No library that we know flushes what it writes, and "201 means kept" needs just that: a file is written under another
name, flushed (`fsync`), renamed, and then the folder that holds the name is flushed too. See `fsync(2)`, `rename(2)`.

What can be made again is written in the same way, but not flushed: `flush_all` does that for many images at once.

No symbolic link below the root is followed: a folder that came from elsewhere, as a backup, may hold any. What is no
file where a file should be, or no folder where an image should be, counts as not stored. The root itself may be a link.

With `durability = "fast"` no file is flushed by itself; all else is the same, so that whatever dies but the machine
itself leaves the same behind.
"""

from __future__ import annotations

import errno
import fcntl
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

from vignette import layout
from vignette.adapters.stores.write_back import boot_id, write_back
from vignette.errors import FileNotStored, NumberTaken, StoreFull, StoreUnavailable
from vignette.jail import modes
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

# ENOTDIR, ELOOP: a link or a file in the place of a folder, a link in that of a file (open(2), O_NOFOLLOW). ENXIO: a
# socket. So it is on Linux and macOS; the BSDs have EMLINK and EFTYPE for a link.
_OF_ANOTHER_KIND: Final = frozenset({errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EMLINK})

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Else the opening of a named pipe would wait for somebody who writes into it.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

# File systems that allocate only what is written, where the C library does not do it in their place. Then the room is
# looked at before each write, and two processes may both see the last of it.
_CANNOT_RESERVE: Final = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})

# EFBIG: a limit on the size of files (RLIMIT_FSIZE) is as good as a full disk.
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


# Inodes that uploads leave free, and of a small disk one in twenty: an image takes a dozen with its vignettes.
_FREE_INODES: Final = 10_000
_SHARE_OF_INODES: Final = 20


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
        with open(path, "xb", buffering=0, opener=modes.private) as file:
            _write_all(file, content)
            if flush:
                self.flush(file.fileno())


def _write_all(file: FileIO, content: bytes | memoryview) -> None:
    written = file.write(content)
    while written < len(content):  # a disk that is nearly full takes a part
        content = memoryview(content)[written:]
        written = file.write(content)


def _room(disk: os.statvfs_result, min_free_bytes: int) -> int:
    """
    How many bytes uploads may take of a *disk* of which *min_free_bytes* are to stay free.

    Small files use up its inodes first. Some of those stay free too: the worker, the catalogue and tombstones need
    them.
    """
    # A file system that makes inodes as it needs them counts none.
    if min_free_bytes and disk.f_files and disk.f_favail < min(_FREE_INODES, disk.f_files // _SHARE_OF_INODES):
        return 0
    return disk.f_bavail * disk.f_frsize - min_free_bytes


def _too_full(wanted: int, room: int) -> StoreFull:
    room = max(0, room)
    return StoreFull(f"{wanted} bytes are to be written, the disk has room for {room}", measured=wanted, limit=room)


def _remove(name: str, folder: int) -> None:
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


def _is_strange(entry: os.DirEntry[str]) -> bool:
    if _NUMBER.fullmatch(entry.name):
        return not entry.is_dir(follow_symlinks=False)
    # fsck(8) of the operating system keeps what it finds in lost+found, at the root of a disk.
    return not (entry.name.startswith(".") or entry.name == "lost+found")


def _seal_below(root: Path) -> str | None:
    with _our_errors(f"the upload folder {root} cannot be used"), suppress(FileNotFoundError, NotADirectoryError):
        if _is_folder(root / SEALS):
            return min((f"{root}/{SEALS}/{name}" for name in os.listdir(root / SEALS)), default=None)  # noqa: PTH208
    return None


def _is_folder(path: Path) -> bool:
    """Whether there is a folder at *path*, and not a link to one."""
    return stat.S_ISDIR(path.lstat().st_mode)


def _make_own_folder(path: Path) -> None:
    """
    Make the folder *path* unless it is there.

    Raises:
        StoreUnavailable: There is a link in its place, or a file: what we wrote would come to lie elsewhere.
    """
    with suppress(FileExistsError):
        path.mkdir(modes.FOLDER)
        return
    if not _is_folder(path):
        raise StoreUnavailable(f"{path.name} in the upload folder is a link or a file, and no folder")


def _open_file(name: str, folder: int) -> int:
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
        if error.errno in _OF_ANOTHER_KIND:
            raise FileNotFoundError from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError
    return descriptor


def _last_change(path: Path) -> float:
    """
    When *path*, or a file in this folder, was last changed or renamed, in seconds since the epoch (ctime).

    A folder's own times stand still while a slow upload's file in it grows.
    """
    try:
        inside = list(path.iterdir()) if _is_folder(path) else []
        return max(entry.lstat().st_ctime for entry in (path, *inside))
    except FileNotFoundError:  # its upload has just been promoted or discarded
        return time.time()


class StagedFolder:
    """
    A folder below the staging folder, with one open file that grows. See `ports.store.StagedImage`.

    The original is written and flushed by one descriptor. Whoever reads it gets another, which cannot write.
    """

    _ORIGINAL: Final = "original"

    def __init__(self, path: Path, disk: _Disk, min_free_bytes: int = 0) -> None:
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
            _make_own_folder(path.parent)
            path.mkdir(modes.FOLDER)
        try:
            self._file = open(path / self._ORIGINAL, "xb", buffering=0, opener=modes.private)  # noqa: SIM115
        except OSError:
            path.rmdir()
            raise

    def append(self, chunk: bytes | memoryview) -> None:
        with _our_errors("the upload cannot be written"):
            _write_all(self._file, chunk)
        self._written += len(chunk)

    def reserve(self, size: int) -> None:
        if size <= self._reserved:
            return
        wanted = size - self._reserved
        with self._alone():
            if wanted > (room := self._room()):
                raise _too_full(wanted, room)
            try:
                with _our_errors("no room can be set aside for the upload"):
                    self._allocate(size)
            except StoreFull:
                self.settle()
                raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other upload, of any process, reserve meanwhile: both would see the same room."""
        with _our_errors("no room can be set aside for the upload"):
            staging = os.open(self.path.parent, _FOLDER)
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
        with _our_errors("the upload folder cannot be measured"):
            return _room(os.fstatvfs(self._file.fileno()), self._min_free_bytes)

    def settle(self) -> None:
        if self._reserved > self._written:
            with _our_errors("the upload cannot be written"):
                os.ftruncate(self._file.fileno(), self._written)
            self._reserved = self._written

    @contextmanager
    def open_original(self) -> Iterator[BinaryIO]:
        self.settle()
        path = self.path / self._ORIGINAL
        with _our_errors("the upload cannot be read back"), path.open("rb", buffering=0) as file:
            yield file

    def complete(self, original_name: str, files: dict[str, bytes]) -> None:
        self.settle()
        with _our_errors("the upload cannot be flushed"), self._file, ExitStack() as opened:
            self._names += [original_name, *files]
            # All are written before the first is flushed: a flush of one takes the others along for the most part.
            written = [self._file, *(opened.enter_context(self._new(name, content)) for name, content in files.items())]
            if self._reserved and (room := self._room()) < 0:
                raise _too_full(sum(map(len, files.values())), max(0, room))
            for file in written:
                self._disk.flush(file.fileno())
            (self.path / self._ORIGINAL).rename(self.path / original_name)
            self._disk.flush_folder(self.path)

    def _new(self, name: str, content: bytes) -> FileIO:
        file = open(self.path / name, "xb", buffering=0, opener=modes.private)  # noqa: SIM115
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
            if target.lstat().st_ino == self._inode:
                # Back at once: file by file, a process that is killed would leave a half of the folder for an image.
                _make_own_folder(self.path.parent)
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

    Uploads that reserve their room leave *min_free_bytes* of the disk free, and some of its inodes, unless that is 0.
    """

    def __init__(
        self, root: Path, durability: Durability = "full", *, settling_s: float = 2.5, min_free_bytes: int = 0
    ) -> None:
        self._root = root
        self._prefix = f"{root}/"
        self._settling_s = settling_s
        self._min_free_bytes = min_free_bytes
        self._disk = _Disk(durability)
        self._staging = root / STAGING
        self._staging_path = str(self._staging)
        self._seal = _seal_below(root)

    @property
    def is_sealed(self) -> bool:
        return self._seal is not None

    def make(self) -> None:
        """Make the folder with its parents, and seal it. Only for the first start of all; see `seal`."""
        with _our_errors(f"the upload folder {self._root} cannot be made"):
            self._root.mkdir(modes.FOLDER, parents=True, exist_ok=True)
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
            _make_own_folder(self._staging)
            folder = self._root / SEALS
            _make_own_folder(folder)
            seal = folder / secrets.token_hex(16)
            self._disk.write(seal, b"Vignette finds this file while the disk of its uploads is mounted.\n")
            self._disk.flush_folder(folder)
            self._disk.flush_folder(self._root)
        self._seal = str(seal)

    def _require_disk(self) -> None:
        if self._seal is None:
            return
        try:
            os.lstat(self._seal)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StoreUnavailable("the disk of the upload folder is not mounted") from error

    def stage(self) -> StagedFolder:
        with _our_errors("the upload cannot be staged"):
            self._require_disk()
            self._require_staging()
            return StagedFolder(self._staging / secrets.token_hex(16), self._disk, self._min_free_bytes)

    def promote(self, staged: StagedImage, image_id: ImageId) -> None:
        if not isinstance(staged, StagedFolder):
            raise TypeError(f"{staged!r} was not staged here")
        target = self._folder(image_id)
        with _our_errors("the upload cannot be put into place"):
            try:
                staged.move_to(target)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR) and self.holds(image_id):
                    raise NumberTaken(f"there is something called {image_id} already") from error
                raise
            # Now, as an upload takes its time: where the seal is, there the folder has come to lie.
            self._require_disk()
            self._disk.flush_folder(self._root)

    def open(self, image_id: ImageId, name: str) -> BinaryIO:
        with _our_errors("a stored file cannot be opened"), self._opened_file(image_id, name) as descriptor:
            return os.fdopen(os.dup(descriptor), "rb")

    def read(self, image_id: ImageId, name: str) -> bytes:
        # Not by `open`: a buffered file takes twice as many system calls, and `reindex` reads millions of files.
        most = layout.most_bytes(name)
        with _our_errors("a stored file cannot be read"), self._opened_file(image_id, name) as descriptor:
            if (size := os.fstat(descriptor).st_size) > most:
                raise FileNotStored(f"{name} of image {image_id} has {size} bytes, and at most {most} are read")
            chunks = []
            while chunk := os.read(descriptor, _READ_BYTES):
                chunks.append(chunk)
        return b"".join(chunks)

    @contextmanager
    def _opened_file(self, image_id: ImageId, name: str) -> Iterator[int]:
        with self._opened(image_id) as folder:
            try:
                descriptor = _open_file(name, folder)
            except FileNotFoundError as error:
                raise FileNotStored(f"image {image_id} has no {name}") from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def write(self, image_id: ImageId, name: str, content: bytes) -> None:
        self.write_all(image_id, {name: content})

    def write_all(self, image_id: ImageId, files: Mapping[str, bytes], *, flush: bool = True) -> None:
        flush = flush or self.boot is None
        with _our_errors("a file cannot be written"):
            self._require_disk()
            self._require_staging()
            with self._opened(image_id) as folder:
                for name, content in files.items():
                    self._replace(image_id, name, content, folder, flush=flush)
                if flush:
                    self._disk.flush(folder)

    @contextmanager
    def _opened(self, image_id: ImageId) -> Iterator[int]:
        """A descriptor of the image's folder."""
        try:
            folder = os.open(f"{self._prefix}{image_id}", _FOLDER)
        except FileNotFoundError as error:
            self._require_disk()
            raise FileNotStored(f"image {image_id} has no folder") from error
        except OSError as error:
            if error.errno not in _OF_ANOTHER_KIND:
                raise
            self._require_disk()
            raise FileNotStored(f"what is called {image_id} is no folder") from error
        try:
            yield folder
        finally:
            os.close(folder)

    def _replace(self, image_id: ImageId, name: str, content: bytes, folder: int, *, flush: bool) -> None:
        if not layout.is_file_name(name):
            raise ValueError(f"{name!r} is no name of a file")
        # In the staging folder: `rename` needs the same file system, and the sweep clears what a killed process leaves.
        part = f"{self._prefix}{STAGING}/part-{secrets.token_hex(16)}"
        try:
            try:
                self._disk.write(part, content, flush=flush)
            except FileNotFoundError:
                _make_own_folder(self._staging)
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
        with _our_errors("a file cannot be removed"), suppress(FileNotStored), self._opened(image_id) as folder:
            for found in os.listdir(folder):  # noqa: PTH208 (a descriptor)
                if found != name:
                    _remove(found, folder)
            self._disk.flush(folder)

    def remove(self, image_id: ImageId, name: str, *, flush: bool = True) -> None:
        with _our_errors("a file cannot be removed"), suppress(FileNotStored), self._opened(image_id) as folder:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
            if flush or self.boot is None:
                self._disk.flush(folder)

    @cached_property
    def boot(self) -> str | None:
        return boot_id(self._root)

    def flush_all(self) -> None:
        with _our_errors("what was written cannot be flushed"):
            self._require_disk()
            write_back(self._root)

    def names(self, image_id: ImageId) -> list[str]:
        return sorted(name for name, is_file in self._listed(image_id) if is_file)

    def others(self, image_id: ImageId) -> list[str]:
        return sorted(name for name, is_file in self._listed(image_id) if not is_file)

    def _listed(self, image_id: ImageId) -> list[tuple[str, bool]]:
        with _our_errors("a folder cannot be listed"), self._opened(image_id) as folder, os.scandir(folder) as entries:
            return [(entry.name, entry.is_file(follow_symlinks=False)) for entry in entries]

    def edition(self, image_id: ImageId) -> tuple[int, int] | None:
        # Files come, are replaced and go by `rename` and `unlink` alone. Both set the folder's ctime, which nobody can
        # set back; so no file has to be looked at.
        try:
            status = os.lstat(f"{self._prefix}{image_id}")
        except OSError:
            return None
        if not stat.S_ISDIR(status.st_mode) or time.time() - status.st_ctime < self._settling_s:
            return None
        return status.st_ino, status.st_ctime_ns

    def holds(self, image_id: ImageId) -> bool:
        with _our_errors("the upload folder cannot be read"):
            try:
                self._folder(image_id).lstat()
            except FileNotFoundError:
                return False
            return True

    def image_ids(self) -> Iterator[ImageId]:
        self._require_disk()
        with _our_errors("the upload folder cannot be listed"), os.scandir(self._root) as entries:
            for entry in entries:
                if _NUMBER.fullmatch(entry.name):
                    yield ImageId(int(entry.name))

    def clear_staging(self, max_age_s: float) -> int:
        old = self.leftovers(max_age_s)
        if old:
            with _our_errors("the staging folder cannot be cleared"), self._opened_staging() as staging:
                for name in old:
                    _remove(name, staging)
        return len(old)

    def leftovers(self, min_age_s: float) -> list[str]:
        oldest = time.time() - min_age_s
        with _our_errors("the staging folder cannot be listed"):
            self._require_disk()
            _make_own_folder(self._staging)
            return sorted(entry.name for entry in self._staging.iterdir() if _last_change(entry) < oldest)

    def strangers(self) -> list[str]:
        with _our_errors("the upload folder cannot be listed"), os.scandir(self._root) as entries:
            return sorted(entry.name for entry in entries if _is_strange(entry))

    def free_bytes(self) -> int:
        with _our_errors("the upload folder cannot be measured"):
            return max(0, _room(os.statvfs(self._root), self._min_free_bytes))

    def probe(self) -> None:
        with _our_errors("the upload folder cannot be written"):
            self._require_disk()
            probe = self._staging / f"probe-{secrets.token_hex(8)}"
            _make_own_folder(self._staging)
            probe.mkdir(modes.FOLDER)
            try:
                self._disk.write(probe / "probe", b"vignette")
            finally:
                _remove_files_and_folder(probe, ["probe"])

    def _require_staging(self) -> None:
        """Raise `StoreUnavailable` if there is no folder where uploads are staged, but a link to one."""
        with suppress(FileNotFoundError):
            if not stat.S_ISDIR(os.lstat(self._staging_path).st_mode):
                _make_own_folder(self._staging)  # says why not

    @contextmanager
    def _opened_staging(self) -> Iterator[int]:
        staging = os.open(self._staging, _FOLDER)
        try:
            yield staging
        finally:
            os.close(staging)

    def _folder(self, image_id: ImageId) -> Path:
        return self._root / str(image_id)
