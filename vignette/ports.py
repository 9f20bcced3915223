"""What the use cases ask of the outside. Each adapter keeps these promises; `tests/contract` holds it to them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO, NamedTuple, Protocol

from vignette.model import Failure, Image, ImageId, Placeholder, Record, State


class StagedImage(Protocol):
    """A folder in the making. It belongs to one upload and is seen by nobody else."""

    def append(self, chunk: bytes) -> None:
        """Add *chunk* to the original. Raise `StoreFull` when there is no room."""

    def open_original(self) -> BinaryIO:
        """Open what has been appended, for reading from its start."""

    def complete(self, original_name: str, files: dict[str, bytes]) -> None:
        """Give the original its name, add *files*, and flush everything to the disk."""

    def discard(self) -> None:
        """Remove what was staged. Once promoted or discarded, this does nothing."""

    def withdraw(self) -> None:
        """
        Remove what was promoted and then not indexed. Only to be called when it is sure that no row was committed; if
        another upload has the number by now, nothing happens to it.
        """


class ImageStore(Protocol):
    """
    The truth: one folder for each image, named by its number. A file in it is replaced whole or not at all, and what a
    method has written is on the disk when it returns.

    Every method raises `StoreUnavailable` when the folder cannot be used, `StoreFull` when there is no room.
    """

    def stage(self) -> StagedImage:
        """Begin a folder that has no number yet."""

    def promote(self, staged: StagedImage, image_id: ImageId) -> None:
        """
        Make a completed folder the one of *image_id*: there whole, or not at all.

        Raises:
            NumberTaken: There is a folder of this number, with something in it. It stays as it is.
        """

    def open(self, image_id: ImageId, name: str) -> BinaryIO:
        """Open a file for reading; raise `FileNotStored` if there is none."""

    def read(self, image_id: ImageId, name: str) -> bytes:
        """Return a file's bytes; raise `FileNotStored` if there is none."""

    def write(self, image_id: ImageId, name: str, content: bytes) -> None:
        """Write or replace a file; raise `FileNotStored` if the image has no folder."""

    def remove_all_but(self, image_id: ImageId, name: str) -> None:
        """Remove every file of the folder but *name*. What is not there is no error."""

    def remove(self, image_id: ImageId, name: str) -> None:
        """Remove a file. What is not there is no error."""

    def names(self, image_id: ImageId) -> list[str]:
        """The names of all that lies in the folder; raise `FileNotStored` if there is none."""

    def edition(self, image_id: ImageId) -> Hashable | None:
        """
        What is another value once any file has been added to the folder, replaced or removed, by whatever process. None
        if there is no folder, or if it changed so lately that the next change might not show. Costs next to nothing.
        """

    def image_ids(self) -> Iterator[ImageId]:
        """The numbers of all folders, in no order."""

    def clear_staging(self, max_age_s: float) -> int:
        """Remove what uploads left behind that were begun more than *max_age_s* ago; return how many."""

    def leftovers(self, min_age_s: float) -> list[str]:
        """What `clear_staging` would remove: names for a report."""

    def strangers(self) -> list[str]:
        """Names of what lies beside the folders and is none of ours; hidden files count as the system's."""

    def free_bytes(self) -> int:
        """How much the disk has room for."""

    def probe(self) -> None:
        """Write and flush a file as an upload would; raise `StoreUnavailable` if that fails."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to render an image until the lease ends. `attempt` counts from 1."""

    image: Image
    attempt: int


class Catalogue(Protocol):
    """
    The index: numbers, order, state. Whatever it says can be rebuilt from the store.

    Every method is one transaction, and raises `CatalogueUnavailable` when the database cannot be used, or
    `StoreFull` when its disk has no room; then it is sure that nothing was committed.
    """

    def add(self, record: Record, promote: Callable[[ImageId], None]) -> tuple[Image, bool]:
        """
        Give *record* the next number, call *promote* with it, and index it as pending.

        Numbers count from 0 without a gap: if *promote* raises, the number is not taken.

        Returns:
            The image, and whether it is new. With an idempotency key that is there already, the image that has it;
            *promote* is not called then.
        """

    def get(self, image_id: ImageId) -> Image:
        """Return the image, deleted ones too; raise `ImageNotFound`."""

    def newest(self, limit: int, before: ImageId | None = None) -> list[Image]:
        """At most *limit* images that are not deleted, newest first, with numbers below *before*."""

    def claim(self, image_id: ImageId, lease_s: float) -> Claim | None:
        """
        Take the image for rendering; None if it is done, deleted, or another's lease still runs. One that is rendered
        again stays `READY` meanwhile.
        """

    def finish(
        self, claim: Claim, failure: Failure | None, placeholder: Placeholder | None = None, recipe_set: str = ""
    ) -> bool:
        """
        Set `READY` with *placeholder*, or `FAILED` with *failure*, and note the *recipe_set* that was rendered, or
        tried. An image that was rendered again is `READY` either way; with *failure* it keeps its placeholder.

        False if the claim no longer holds. Of an image that was deleted meanwhile it ends the lease, and nothing else
        is changed.
        """

    def release(self, image_id: ImageId, failure: Failure, pause_s: float) -> None:
        """End the lease of an interrupted rendering: it may be claimed again after *pause_s*. Keep the reason."""

    def postpone(self, claim: Claim, failure: Failure, pause_s: float) -> None:
        """As `release`, but the attempt does not count. No change if the claim no longer holds."""

    def reset(self, image_id: ImageId) -> None:
        """
        Have an image rendered again, with no attempts counted: a failed one is pending, a ready one stays ready, and is
        renewing. Others stay as they are.
        """

    def renew(self, recipe_set: str, limit: int) -> list[ImageId]:
        """
        Mark at most *limit* ready images for rendering whose recipe set differs from *recipe_set*, and return their
        numbers. Concurrent callers get different images.
        """

    def rendered(self, except_by: str | None = None) -> list[ImageId]:
        """
        The numbers of all ready images, the lowest first; or only of those that were last rendered by other recipes
        than *except_by*, or could not be rendered again.
        """

    def forgotten(self, min_age_s: float, limit: int) -> list[ImageId]:
        """
        Images to render whose job was not queued in the last *min_age_s*, and which nobody is rendering. Each is handed
        out once in that time, whoever asks.
        """

    def interrupted(self, limit: int) -> list[ImageId]:
        """Images whose lease has just ended without a verdict. Each is handed out once a lease."""

    def unfinished(self) -> int:
        """How many images wait or are being rendered."""

    def unclaimed(self, image_ids: Collection[ImageId]) -> set[ImageId]:
        """Those of *image_ids* that wait: to be rendered, and by nobody who has a lease."""

    def begin_delete(self, image_id: ImageId) -> bool:
        """
        Set `DELETING`: from now on the image answers as deleted. False, and nothing is changed, if it did so before, or
        never was.
        """

    def end_delete(self, image_id: ImageId) -> None:
        """
        Set `DELETED`: nothing of it is left in the store but its tombstone. While somebody still holds a lease on it,
        and so may write to its folder, this does nothing.
        """

    def in_state(self, state: State, limit: int, after: ImageId | None = None) -> list[ImageId]:
        """Numbers of at most *limit* images in *state*, the lowest first, above *after*."""

    def restore(self, images: Iterable[tuple[ImageId, Image | None]]) -> int:
        """
        Replace everything by *images*; return how many there are. The next number is past the highest, those without
        an image included, and never lower than it was. *images* is read while no image can be added.
        """

    def catch_up(self, images: Iterable[tuple[ImageId, Image | None]]) -> int:
        """
        Index those of *images* whose number was not given yet, and take their numbers; return how many there were.
        None stands for a folder without a readable record: only its number is taken.
        """

    def index(self, image: Image) -> None:
        """Put *image* in the place of what the catalogue says of its number, if anything; its job is not queued."""

    def next_id(self) -> ImageId:
        """The number that the next image will get."""

    def beat(self, worker: str) -> None:
        """Note that *worker* is alive now."""

    def seconds_since_beat(self) -> float | None:
        """How long ago the last sign of life of any worker was; None if there never was one."""

    def probe(self) -> None:
        """Raise `CatalogueUnavailable` if it cannot take a row now."""


class Lane(Enum):
    """Who waits for a job: somebody who looks at the screen, or nobody in particular. The first overtakes."""

    FAST = "fast"
    BULK = "bulk"


class Taken(NamedTuple):
    """A job that a worker has taken; `delivery` is another each time that it is queued."""

    delivery: str
    image_id: ImageId


class Backlog(NamedTuple):
    """How many jobs wait, and which were taken by workers; those of workers that have died are seen for a while."""

    waiting: int
    taken: frozenset[Taken]


class Jobs(Protocol):
    """The queue. It is a hint: it may lose everything, and then the sweep finds the work again in the catalogue."""

    def hint(self, image_id: ImageId, lane: Lane) -> None:
        """Ask that an image be rendered soon; raise `QueueUnavailable` within half a second if that cannot be asked."""

    def hint_all(self, image_ids: Sequence[ImageId], lane: Lane) -> None:
        """`hint` for each, over one connection."""

    def backlog(self) -> Backlog:
        """What waits and what was taken; raise `QueueUnavailable`."""
