"""
The catalogue: an index of numbers, order and state. Whatever it says can be rebuilt from the store.

Every method is one transaction. It raises `StoreFull` when the disk of the database has no room; then nothing was
committed. It raises `CatalogueUnavailable` when the database cannot be used. If the connection broke during the commit,
nobody knows whether the transaction was committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from vignette.model import Failure, Image, ImageId, Placeholder, Record, State


class Arrivals(Protocol):
    """For receiving uploads."""

    def add(
        self, record: Record, promote: Callable[[ImageId], None], withdraw: Callable[[], None]
    ) -> tuple[Image, bool]:
        """
        Give *record* the next number, call *promote* with it, and index it as pending.

        Numbers count from 0 without a gap: if anything fails, the number is not taken. If *promote* was called before
        that, *withdraw* is called to undo what it did, even if it did only half. *withdraw* is called only when it is
        certain that the row will not be there, and while nobody else can be given the number or index its folder. If
        the connection broke and no other can be made, that is not certain, and *withdraw* is not called: the folder
        may have a row, or gets one from `Index.catch_up`. *withdraw* raises nothing.

        Returns:
            The image, and whether it is new. If an image with the same idempotency key is there already, that image;
            then *promote* is not called.

        Raises:
            IdempotencyKeyReused: The image with the same key has other bytes.
        """


class Library(Protocol):
    """For looking up images."""

    def get(self, image_id: ImageId) -> Image:
        """Return the image, even a deleted one; raise `ImageNotFound` if there never was one."""

    def newest(self, limit: int, before: ImageId | None = None) -> list[Image]:
        """Return at most *limit* images that are not deleted, newest first, with numbers below *before*."""

    def in_state(self, state: State, limit: int, after: ImageId | None = None) -> list[ImageId]:
        """Return the numbers above *after* of at most *limit* images in *state*, the lowest first."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to render an image until the lease ends. `attempt` counts from 1."""

    image: Image
    attempt: int


class Renderings(Protocol):
    """For the worker: an image is claimed, rendered, and given a verdict."""

    def claim(self, image_id: ImageId, lease_s: float) -> Claim | None:
        """
        Claim the image for *lease_s* seconds; return None if it is done or deleted, or if another lease on it runs.

        An image that is rendered again stays `READY` meanwhile.
        """

    def finish(
        self, claim: Claim, failure: Failure | None, placeholder: Placeholder | None = None, recipe_set: str = ""
    ) -> bool:
        """
        Set the image `READY` with *placeholder*, or `FAILED` with *failure*, and note the *recipe_set* that was
        rendered or tried. An image that was rendered again is `READY` either way; with a *failure* it keeps its earlier
        placeholder.

        Return False if the claim no longer holds. If the image was deleted meanwhile, its lease is ended, and nothing
        else is changed.
        """

    def release(self, image_id: ImageId, failure: Failure, pause_s: float) -> None:
        """End the lease of an interrupted rendering and keep *failure*; after *pause_s* it may be claimed again."""

    def postpone(self, claim: Claim, failure: Failure, pause_s: float) -> None:
        """As `release`, but the attempt does not count. No change if the claim no longer holds."""


class Waiting(Protocol):
    """For seeing to it that no image waits for ever."""

    def forgotten(self, min_age_s: float, limit: int) -> list[ImageId]:
        """
        Return the numbers of at most *limit* images to render that nobody is rendering, and whose job was not queued in
        the last *min_age_s* seconds. Each image is handed out once in that time, to one of all callers.
        """

    def interrupted(self, limit: int) -> list[ImageId]:
        """Return at most *limit* images whose lease has ended without a verdict; each is handed out once a lease."""

    def unfinished(self) -> int:
        """Return how many images wait or are being rendered."""

    def unclaimed(self) -> int:
        """Return how many images wait to be rendered and have no lease on them."""

    def reset(self, image_id: ImageId) -> None:
        """
        Mark an image to be rendered again, with no attempts counted.

        A failed image becomes pending. A ready image stays ready and is renewing. Any other image stays as it is.
        """

    def renew(self, recipe_set: str, limit: int) -> list[ImageId]:
        """
        Mark at most *limit* ready images to be rendered again whose recipe set differs from *recipe_set*; return their
        numbers. Concurrent callers get different images.
        """

    def rendered(self, except_by: str | None = None) -> list[ImageId]:
        """
        Return the numbers of all ready images, the lowest first.

        With the recipe set *except_by*, return only those images that were last rendered by other recipes, or that
        could not be rendered again.
        """


class Removals(Protocol):
    """For deleting images."""

    def begin_delete(self, image_id: ImageId) -> bool:
        """
        Set the image `DELETING`: from now on it answers as deleted.

        Return False, and change nothing, if the image answered so before, or never was.
        """

    def end_delete(self, image_id: ImageId) -> None:
        """
        Set the image `DELETED`. The caller has left nothing of it in the store but its tombstone.

        Do nothing while somebody holds a lease on the image, and so may write to its folder.
        """


class Index(Protocol):
    """For rebuilding the catalogue from the store."""

    def restore(self, images: Iterable[tuple[ImageId, Image | None]]) -> int:
        """
        Replace all rows by those of *images*; return how many images there are.

        None stands for a folder without a readable record: only its number is taken. The next number is above all of
        these numbers, and never lower than it was. *images* is read while no image can be added or withdrawn.
        """

    def catch_up(self, images: Iterable[tuple[ImageId, Image | None]]) -> int:
        """
        Index those of *images* whose number was not given yet, and take their numbers; return how many were indexed.

        None stands for a folder without a readable record: only its number is taken. *images* is read while no image
        can be added or withdrawn.
        """

    def index(self, image: Image) -> None:
        """Put *image* in the place of the row with its number, if there is one; its job counts as never queued."""

    def next_id(self) -> ImageId:
        """Return the number that the next image will get."""


class Workers(Protocol):
    """Signs of life of the workers."""

    def beat(self, worker: str) -> None:
        """Note that *worker* is alive now."""

    def seconds_since_beat(self) -> float | None:
        """Return how long ago any worker last gave a sign of life; None if none ever did."""
