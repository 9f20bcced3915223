"""
The catalogue: an index of numbers, order and state. Whatever it says can be rebuilt from the store.

Every method is one transaction. It raises `StoreFull` when the disk of the database has no room, and nothing was
committed then; and `CatalogueUnavailable` when the database cannot be used: if the connection broke during the commit,
nobody knows whether it was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from vignette.model import Failure, Image, ImageId, Placeholder, Record, State


class Arrivals(Protocol):
    """For those who receive."""

    def add(
        self, record: Record, promote: Callable[[ImageId], None], withdraw: Callable[[], None]
    ) -> tuple[Image, bool]:
        """
        Give *record* the next number, call *promote* with it, and index it as pending.

        Numbers count from 0 without a gap: if anything fails, the number is not taken. *withdraw* then undoes what
        *promote* did, or did half of. It is called after *promote* alone, when it is certain that the row will not be
        there, and while nobody else can be given the number or index its folder. Where that cannot be had, because the
        connection broke and no other can be made, it is not called: the folder may have a row, or gets one from
        `Index.catch_up`. *withdraw* raises nothing.

        Returns:
            The image, and whether it is new. With an idempotency key that is there already, the image that has it;
            *promote* is not called then.
        """


class Library(Protocol):
    """For those who look."""

    def get(self, image_id: ImageId) -> Image:
        """Return the image, deleted ones too; raise `ImageNotFound`."""

    def newest(self, limit: int, before: ImageId | None = None) -> list[Image]:
        """At most *limit* images that are not deleted, newest first, with numbers below *before*."""

    def in_state(self, state: State, limit: int, after: ImageId | None = None) -> list[ImageId]:
        """Numbers of at most *limit* images in *state*, the lowest first, above *after*."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to render an image until the lease ends. `attempt` counts from 1."""

    image: Image
    attempt: int


class Renderings(Protocol):
    """For the worker: an image is claimed, rendered, and given a verdict."""

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


class Waiting(Protocol):
    """For those who see to it that nothing waits for ever."""

    def forgotten(self, min_age_s: float, limit: int) -> list[ImageId]:
        """
        At most *limit* images that wait to be rendered, whose job was not queued in the last *min_age_s*, and which
        nobody has begun to render since it was. They count as queued from now on: concurrent callers get different
        images. Images without a vignette come first.
        """

    def interrupted(self, limit: int) -> list[ImageId]:
        """
        At most *limit* images whose lease has ended without a verdict since their job was queued. They count as queued
        from now on, as of `forgotten`.
        """

    def unfinished(self, at_most: int | None = None) -> int:
        """How many images wait or are being rendered. It counts up to *at_most*, or else reads them all."""

    def unclaimed(self, at_most: int | None = None) -> int:
        """
        How many images wait to be rendered without a lease that runs. It counts up to *at_most*, or else reads them
        all.
        """

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


class Removals(Protocol):
    """For those who delete."""

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


class Index(Protocol):
    """For those who rebuild it from the store."""

    def restore(self, images: Iterable[tuple[ImageId, Image | None]]) -> int:
        """
        Replace everything by *images*; return how many there are. The next number is past the highest, those without
        an image included, and never lower than it was. *images* is read while no image can be added or withdrawn.
        """

    def catch_up(self, images: Iterable[tuple[ImageId, Image | None]]) -> int:
        """
        Index those of *images* whose number was not given yet, and take their numbers; return how many there were.
        None stands for a folder without a readable record: only its number is taken. *images* is read while no image
        can be added or withdrawn.
        """

    def index(self, image: Image) -> None:
        """Put *image* in the place of what the catalogue says of its number, if anything; its job is not queued."""

    def next_id(self) -> ImageId:
        """The number that the next image will get."""

    def highest(self) -> ImageId | None:
        """The highest number of an image that is known, deleted ones too; None if none is."""


class Workers(Protocol):
    """Signs of life of the workers."""

    def beat(self, worker: str) -> None:
        """Note that *worker* is alive now, and forget those that have been silent for a day."""

    def seconds_since_beat(self) -> float | None:
        """How long ago the last sign of life of any worker was; None if there never was one."""
