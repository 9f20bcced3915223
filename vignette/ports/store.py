"""
The store: one folder for each image, named by its number. It is the truth.

A file is replaced whole or not at all. With `durability = "full"`, what a method has written is on the disk when the
method returns; only `StagedImage.append` leaves that to `complete`, and `write_all` and `remove` may leave it to
`Flushing.flush_all`. Every method raises `StoreUnavailable` when the
folder cannot be used, and `StoreFull` when there is no room.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO, NamedTuple, Protocol

from vignette.model import ImageId


class Listing(NamedTuple):
    """What lies in a folder: the length in bytes of each file, by its name, and the names of all that is no file."""

    files: Mapping[str, int]
    others: Sequence[str]


class StagedImage(Protocol):
    """A folder in the making. It belongs to one upload and is seen by nobody else."""

    def append(self, chunk: bytes | memoryview) -> None:
        """Add *chunk* to the original. Raise `StoreFull` when there is no room."""

    def reserve(self, size: int) -> None:
        """
        Set room aside for an original of *size* bytes in all, which no other upload of any process gets then.

        What is not used is given back by `settle`, `complete` and `discard`.

        Raises:
            StoreFull: There is no such room, or less would be left free than has to stay. It tells both numbers.
        """

    def settle(self) -> None:
        """Give back what was reserved beyond what has been appended."""

    def open_original(self) -> AbstractContextManager[BinaryIO]:
        """Give what has been appended; nothing is appended meanwhile. The file has a descriptor that can only read."""

    def complete(self, original_name: str, files: dict[str, bytes]) -> None:
        """Give the original its name, add *files*, and flush everything to the disk."""

    def discard(self) -> None:
        """Remove what was staged. Do nothing if it was promoted or discarded before."""

    def withdraw(self) -> None:
        """
        Undo the promotion, if there was one: the folder leaves its number as a whole, and is removed.

        Call this only when it is certain that the number has no row, and while nobody can be given the number. It
        raises nothing: a folder that cannot be moved stays. If the folder of another upload has the number, it stays
        too.
        """


class Staging(Protocol):
    """Folders on their way: an upload is staged, and promoted to a number."""

    def stage(self) -> StagedImage:
        """Begin a folder that has no number yet."""

    def promote(self, staged: StagedImage, image_id: ImageId) -> None:
        """
        Give a completed folder the number *image_id*: it is there as a whole, or not at all.

        Raises:
            NumberTaken: A folder with this number and something in it is there already. It stays as it is.
        """

    def clear_staging(self, max_age_s: float) -> int:
        """Remove what uploads left behind more than *max_age_s* seconds ago, by its last change; return how many."""

    def leftovers(self, min_age_s: float) -> list[str]:
        """Return the names of what `clear_staging` would remove, for a report."""


class Files(Protocol):
    """
    The files of an image. A symbolic link is no file, wherever it leads, and a link to a folder is no folder of an
    image: what stands there counts as not stored.
    """

    def open(self, image_id: ImageId, name: str) -> BinaryIO:
        """Open a file for reading; raise `FileNotStored` if there is none."""

    def read(self, image_id: ImageId, name: str) -> bytes:
        """
        Return a file's bytes.

        Raises:
            FileNotStored: There is none, or it is longer than any that Vignette writes (`layout.most_bytes`).
        """

    def write(self, image_id: ImageId, name: str, content: bytes) -> None:
        """Write or replace a file; raise `FileNotStored` if the image has no folder."""

    def write_all(self, image_id: ImageId, files: Mapping[str, bytes], *, flush: bool = True) -> None:
        """
        Do `write` for each of *files*, by its name and in their order. It flushes the folder only once, so this costs
        less than to `write` one after the other. If it fails, the files before the one that failed may be there.

        Without *flush*, a crash of the machine before `Flushing.flush_all` may lose or damage the files. That is for
        what can be made again. A store without `Flushing.boot` flushes all the same.
        """

    def remove(self, image_id: ImageId, name: str, *, flush: bool = True) -> None:
        """Remove a file. A file that is not there is no error. *flush* is as for `write_all`."""

    def remove_all_but(self, image_id: ImageId, name: str) -> None:
        """Remove every file of the folder but *name*. A folder that is not there is no error."""

    def names(self, image_id: ImageId) -> list[str]:
        """Return the names of the files in the folder; raise `FileNotStored` if there is no folder."""

    def probe(self) -> None:
        """Write and flush a file as an upload would; raise `StoreUnavailable` if that fails."""


class ServiceFiles(Protocol):
    """
    The files of the service itself, in a folder beside those of the images (`layout.SERVICE`): so they are in each copy
    of the store. The folder and its files are for our own user alone. No link is followed, as of `Files`.
    """

    def read_service(self, name: str) -> bytes:
        """Return a file's bytes; raise `FileNotStored` as `Files.read` does."""

    def write_service(self, name: str, content: bytes) -> None:
        """Write or replace a file. The folder is made if it is missing."""


class Flushing(Protocol):
    """The disk below all images."""

    @property
    def boot(self) -> str | None:
        """
        The id of this start of the machine, whose memory holds what was written without a flush.

        None: the store cannot `flush_all`, and so flushes at once.
        """

    def flush_all(self) -> None:
        """Flush all that was written on this machine before; raise if any of it is lost, perhaps."""


class Survey(Protocol):
    """The store as a whole."""

    def holds(self, image_id: ImageId) -> bool:
        """
        Return whether this number is taken: by a folder, or by something else that is called so.

        This costs the same however many folders there are.
        """

    def image_ids(self) -> Iterator[ImageId]:
        """Yield all numbers that are taken, in no particular order; see `holds`."""

    def listing(self, image_id: ImageId) -> Listing:
        """
        Return what lies in a folder. Links, folders and devices in it are no files: none is ever followed or read.

        Raises:
            FileNotStored: There is no folder.
        """

    def strangers(self) -> list[str]:
        """
        Return the names of what lies beside the folders and is not ours, and of what is called by a number and is no
        folder. Hidden files count as the system's.
        """


class Room(Protocol):
    """An ability of stores that know the size of their disk."""

    def free_bytes(self) -> int:
        """Return for how many bytes of uploads the disk has room, beside what has to stay free."""


class Editions(Protocol):
    """An ability of stores that notice each change of a folder at next to no cost."""

    def edition(self, image_id: ImageId) -> Hashable | None:
        """
        Return a value that changes whenever any process adds, replaces or removes a file of the folder.

        Return None if there is no folder, or if it changed so lately that the next change might not show. This costs
        next to nothing.
        """

    def renew_edition(self, image_id: ImageId) -> None:
        """Give the folder, if there is one, another edition, as a change of a file would."""
