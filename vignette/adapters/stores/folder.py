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
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from vignette import layout
from vignette.adapters.stores.disk import Disk, our_errors, room
from vignette.adapters.stores.entries import (
    FOLDER,
    OF_ANOTHER_KIND,
    is_folder,
    last_change,
    make_own_folder,
    open_file,
    remove,
    remove_files_and_folder,
)
from vignette.adapters.stores.staged import StagedFolder
from vignette.adapters.stores.write_back import boot_id, write_back
from vignette.errors import FileNotStored, NumberTaken, StoreUnavailable
from vignette.jail import modes
from vignette.limits import KIB
from vignette.model import Durability, ImageId
from vignette.ports.store import Listing, StagedImage

# No number begins with a dot, so nothing in here is ever taken for an image.
STAGING: Final = ".staging"

# Holds the seal, a file of a random name that only the disk of the uploads has. The mount point of a disk that is not
# mounted is a folder like any other; what is written there is hidden as soon as the disk is back.
SEALS: Final = ".vignette"

# As a number is written in a URL; whatever else lies in the folder is none of ours.
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)

# More than any record or outcome: each is read at once.
_READ_BYTES: Final = 64 * KIB


class _Owner(NamedTuple):
    """Whose files lie in the folder of this name below the root, in words for an error."""

    folder: str
    words: str


_SERVICE: Final = _Owner(layout.SERVICE, "the service")


def _of(image_id: ImageId) -> _Owner:
    return _Owner(str(image_id), f"image {image_id}")


def _is_strange(entry: os.DirEntry[str]) -> bool:
    if _NUMBER.fullmatch(entry.name):
        return not entry.is_dir(follow_symlinks=False)
    # fsck(8) of the operating system keeps what it finds in lost+found, at the root of a disk.
    return not (entry.name.startswith(".") or entry.name == "lost+found")


def _seal_below(root: Path) -> str | None:
    with our_errors(f"the upload folder {root} cannot be used"), suppress(FileNotFoundError, NotADirectoryError):
        if is_folder(root / SEALS):
            return min((f"{root}/{SEALS}/{name}" for name in os.listdir(root / SEALS)), default=None)  # noqa: PTH208
    return None


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
        self._disk = Disk(durability)
        self._staging = root / STAGING
        self._staging_path = str(self._staging)
        self._seal = _seal_below(root)

    @property
    def is_sealed(self) -> bool:
        return self._seal is not None

    def make(self) -> None:
        """Make the folder with its parents, and seal it. Only for the first start of all; see `seal`."""
        with our_errors(f"the upload folder {self._root} cannot be made"):
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
        with our_errors(f"the upload folder {self._root} cannot be used"):
            make_own_folder(self._staging)
            folder = self._root / SEALS
            make_own_folder(folder)
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
        with our_errors("the upload cannot be staged"):
            self._require_disk()
            self._require_staging()
            return StagedFolder(self._staging / secrets.token_hex(16), self._disk, self._min_free_bytes)

    def promote(self, staged: StagedImage, image_id: ImageId) -> None:
        if not isinstance(staged, StagedFolder):
            raise TypeError(f"{staged!r} was not staged here")
        target = self._folder(image_id)
        with our_errors("the upload cannot be put into place"):
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
        with our_errors("a stored file cannot be opened"), self._opened_file(_of(image_id), name) as descriptor:
            return os.fdopen(os.dup(descriptor), "rb")

    def read(self, image_id: ImageId, name: str) -> bytes:
        return self._read(_of(image_id), name)

    def read_service(self, name: str) -> bytes:
        return self._read(_SERVICE, name)

    def _read(self, of: _Owner, name: str) -> bytes:
        # Not by `open`: a buffered file takes twice as many system calls, and `reindex` reads millions of files.
        most = layout.most_bytes(name)
        with our_errors("a stored file cannot be read"), self._opened_file(of, name) as descriptor:
            if (size := os.fstat(descriptor).st_size) > most:
                raise FileNotStored(f"{name} of {of.words} has {size} bytes, and at most {most} are read")
            chunks = []
            while chunk := os.read(descriptor, _READ_BYTES):
                chunks.append(chunk)
        return b"".join(chunks)

    @contextmanager
    def _opened_file(self, of: _Owner, name: str) -> Iterator[int]:
        with self._opened(of) as folder:
            try:
                descriptor = open_file(name, folder)
            except FileNotFoundError as error:
                raise FileNotStored(f"{of.words} has no {name}") from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def write(self, image_id: ImageId, name: str, content: bytes) -> None:
        self.write_all(image_id, {name: content})

    def write_all(self, image_id: ImageId, files: Mapping[str, bytes], *, flush: bool = True) -> None:
        flush = flush or self.boot is None
        with our_errors("a file cannot be written"):
            self._require_disk()
            self._require_staging()
            with self._opened(_of(image_id)) as folder:
                for name, content in files.items():
                    self._replace(_of(image_id), name, content, folder, flush=flush)
                if flush:
                    self._disk.flush(folder)

    def write_service(self, name: str, content: bytes) -> None:
        with our_errors("a file of the service cannot be written"):
            self._require_disk()
            self._require_staging()
            make_own_folder(self._root / layout.SERVICE)
            with self._opened(_SERVICE) as folder:
                # A copy of the upload folder may have come with other modes.
                os.fchmod(folder, modes.FOLDER)
                self._replace(_SERVICE, name, content, folder, flush=True)
                self._disk.flush(folder)
            self._disk.flush_folder(self._root)

    @contextmanager
    def _opened(self, of: _Owner) -> Iterator[int]:
        """A descriptor of the folder."""
        try:
            folder = os.open(f"{self._prefix}{of.folder}", FOLDER)
        except FileNotFoundError as error:
            self._require_disk()
            raise FileNotStored(f"{of.words} has no folder") from error
        except OSError as error:
            if error.errno not in OF_ANOTHER_KIND:
                raise
            self._require_disk()
            raise FileNotStored(f"what is called {of.folder} is no folder") from error
        try:
            yield folder
        finally:
            os.close(folder)

    def _replace(self, of: _Owner, name: str, content: bytes, folder: int, *, flush: bool) -> None:
        if not layout.is_file_name(name):
            raise ValueError(f"{name!r} is no name of a file")
        # In the staging folder: `rename` needs the same file system, and the sweep clears what a killed process leaves.
        part = f"{self._prefix}{STAGING}/part-{secrets.token_hex(16)}"
        try:
            try:
                self._disk.write(part, content, flush=flush)
            except FileNotFoundError:
                make_own_folder(self._staging)
                self._disk.write(part, content, flush=flush)
            try:
                os.rename(part, name, dst_dir_fd=folder)
            except FileNotFoundError as error:
                raise FileNotStored(f"{of.words} has no folder") from error
        except BaseException:
            with suppress(OSError):  # what cannot be removed now, the sweep removes
                os.unlink(part)  # noqa: PTH108
            raise

    def remove_all_but(self, image_id: ImageId, name: str) -> None:
        with our_errors("a file cannot be removed"), suppress(FileNotStored), self._opened(_of(image_id)) as folder:
            for found in os.listdir(folder):  # noqa: PTH208 (a descriptor)
                if found != name:
                    remove(found, folder)
            self._disk.flush(folder)

    def remove(self, image_id: ImageId, name: str, *, flush: bool = True) -> None:
        with our_errors("a file cannot be removed"), suppress(FileNotStored), self._opened(_of(image_id)) as folder:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
            if flush or self.boot is None:
                self._disk.flush(folder)

    @cached_property
    def boot(self) -> str | None:
        return boot_id(self._root)

    def flush_all(self) -> None:
        with our_errors("what was written cannot be flushed"):
            self._require_disk()
            write_back(self._root)

    def names(self, image_id: ImageId) -> list[str]:
        with self._entries(image_id) as entries:
            return sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))

    def listing(self, image_id: ImageId) -> Listing:
        files, others = {}, []
        with self._entries(image_id) as entries:
            for entry in entries:
                if not entry.is_file(follow_symlinks=False):
                    others.append(entry.name)
                    continue
                with suppress(FileNotFoundError):  # it has gone since it was listed
                    files[entry.name] = entry.stat(follow_symlinks=False).st_size
        return Listing(files, sorted(others))

    @contextmanager
    def _entries(self, image_id: ImageId) -> Iterator[Iterator[os.DirEntry[str]]]:
        with (
            our_errors("a folder cannot be listed"),
            self._opened(_of(image_id)) as folder,
            os.scandir(folder) as entries,
        ):
            yield entries

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

    def renew_edition(self, image_id: ImageId) -> None:
        with our_errors("the folder of an image cannot be touched"), suppress(FileNotFoundError):
            os.utime(f"{self._prefix}{image_id}", follow_symlinks=False)

    def holds(self, image_id: ImageId) -> bool:
        with our_errors("the upload folder cannot be read"):
            try:
                self._folder(image_id).lstat()
            except FileNotFoundError:
                return False
            return True

    def image_ids(self) -> Iterator[ImageId]:
        self._require_disk()
        with our_errors("the upload folder cannot be listed"), os.scandir(self._root) as entries:
            for entry in entries:
                if _NUMBER.fullmatch(entry.name):
                    yield ImageId(int(entry.name))

    def clear_staging(self, max_age_s: float) -> int:
        old = self.leftovers(max_age_s)
        if old:
            with our_errors("the staging folder cannot be cleared"), self._opened_staging() as staging:
                for name in old:
                    remove(name, staging)
        return len(old)

    def leftovers(self, min_age_s: float) -> list[str]:
        oldest = time.time() - min_age_s
        with our_errors("the staging folder cannot be listed"):
            self._require_disk()
            make_own_folder(self._staging)
            return sorted(entry.name for entry in self._staging.iterdir() if last_change(entry) < oldest)

    def strangers(self) -> list[str]:
        with our_errors("the upload folder cannot be listed"), os.scandir(self._root) as entries:
            return sorted(entry.name for entry in entries if _is_strange(entry))

    def free_bytes(self) -> int:
        with our_errors("the upload folder cannot be measured"):
            return max(0, room(os.statvfs(self._root), self._min_free_bytes))

    def probe(self) -> None:
        with our_errors("the upload folder cannot be written"):
            self._require_disk()
            probe = self._staging / f"probe-{secrets.token_hex(8)}"
            make_own_folder(self._staging)
            probe.mkdir(modes.FOLDER)
            try:
                self._disk.write(probe / "probe", b"vignette")
            finally:
                remove_files_and_folder(probe, ["probe"])

    def _require_staging(self) -> None:
        """Raise `StoreUnavailable` if there is no folder where uploads are staged, but a link to one."""
        with suppress(FileNotFoundError):
            if not stat.S_ISDIR(os.lstat(self._staging_path).st_mode):
                make_own_folder(self._staging)  # says why not

    @contextmanager
    def _opened_staging(self) -> Iterator[int]:
        staging = os.open(self._staging, FOLDER)
        try:
            yield staging
        finally:
            os.close(staging)

    def _folder(self, image_id: ImageId) -> Path:
        return self._root / str(image_id)
