"""
The catalogue: an index of numbers, order and state. Whatever it says can be rebuilt from the store.

Every change is one transaction. A method raises `StoreFull` when the disk of the database has no room; then nothing was
committed. It raises `CatalogueUnavailable` when the database cannot be used. If the connection broke during the commit,
nobody knows whether the transaction was committed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vignette.access.keys import Key
from vignette.access.policy import Sight
from vignette.model import (
    Edits,
    Failure,
    Image,
    ImageId,
    Need,
    Placeholder,
    PublicName,
    Record,
    State,
    Suspicion,
    Visibility,
)


class Arrivals(Protocol):
    """For those who receive uploads."""

    def add(
        self,
        record: Record,
        promote: Callable[[ImageId], None],
        withdraw: Callable[[], None],
        visibility: Visibility | None = None,
        quarantine: Suspicion | None = None,
        *,
        metadata_bytes: int = 0,
        admit: Callable[[Key | None], object] = lambda _: None,
    ) -> tuple[Image, bool]:
        """
        Give *record* the next number, with *visibility* and, if it is suspected, in *quarantine*; call *promote* with
        the number, and index the image as pending. Its *metadata_bytes* count in the quota of its owner, as its own
        bytes do.

        If the image is to have an owner, *admit* is called first in the same transaction, with the key as it is then;
        with None if it was removed. If it raises, nothing is kept.

        Numbers count from 0 without a gap: if anything fails, the number is not taken. If *promote* was called before
        that, *withdraw* is called to undo what it did, even if it did only half. *withdraw* is called only when it is
        certain that the row will not be there, and while nobody else can be given the number or index its folder. If
        the connection broke and no other can be made, that is not certain, and *withdraw* is not called: the folder
        may have a row, or gets one from `Index.catch_up`. *withdraw* raises nothing.

        Returns:
            The image, and whether it is new. If an image with the same idempotency key is there already, that image;
            so too, without a key, if one with the same bytes came by the same ticket, and was not deleted. Then
            *promote* is not called. A use of the ticket of *record* is counted in the same transaction, if the
            image is new.

        Raises:
            IdempotencyKeyReused: The image with the same key has other bytes.
            TicketSpent, InvalidTicket: No image may come by the ticket any more.
            StorageQuotaExceeded, QuotaExceeded: It would take its owner over the quota. Two that come at once cannot.
        """

    def sent_before(self, record: Record) -> Image | None:
        """
        Return the image that has the idempotency key of *record* already, if any.

        Raises:
            IdempotencyKeyReused: As in `add`.
        """

    def has_any(self, idempotency_keys: Collection[str]) -> bool:
        """Whether an image came with one of these keys, even one that was deleted."""


@dataclass(frozen=True, slots=True)
class Sights:
    """What somebody sees of images that he names by their number, and by their public name; None is all."""

    by_number: Sight | None
    by_name: Sight | None


class Library(Protocol):
    """For those who look images up."""

    def get(self, image_id: ImageId, sight: Sight | None = None) -> Image:
        """
        Return the image, even a deleted one; raise `ImageNotFound` if there never was one, or if it is not in *sight*:
        both take the same time, as what is not in sight is not read.
        """

    def named(self, name: PublicName, sight: Sight | None = None) -> Image:
        """
        Return the image with this public name; raise `ImageNotFound` as `get` does, and if it was deleted.
        """

    def living(self, numbers: Collection[ImageId], names: Collection[PublicName], sights: Sights) -> list[Image]:
        """
        Return, in no order, those of the images with these *numbers*, and of those with these *names*, that are not
        deleted and are in sight.
        """

    def count(self, limit: int, sight: Sight | None = None) -> int:
        """Return how many images are not deleted, *limit* if there are more; with *sight*, those that are in it."""

    def newest(self, limit: int, before: ImageId | None = None, sight: Sight | None = None) -> list[Image]:
        """
        Return at most *limit* images that are neither deleted nor in quarantine, newest first, with numbers below
        *before*; with *sight*, only those that are in it.
        """

    def next_newer(self, limit: int, after: ImageId, sight: Sight | None = None) -> list[Image]:
        """
        Return the *limit* images above the number *after* that are next to it, the lowest number first; of those that
        are not deleted and, with *sight*, in it. The cost does not depend on how many others there are.
        """

    def in_state(self, state: State, limit: int, after: ImageId | None = None) -> list[ImageId]:
        """The numbers of at most *limit* images in *state* that are higher than *after*, the lowest first."""

    def given_up(self, recipe_set: str, limit: int, after: ImageId | None = None) -> list[ImageId]:
        """
        At most *limit* ready images that could not be completed or rendered again by the recipes of *recipe_set*: the
        lowest numbers above *after*, in order.
        """


class Alike(Protocol):
    """For those who look for pictures that look like one."""

    def like(self, image: Image, most: int, limit: int, sight: Sight | None = None) -> list[tuple[Image, int]]:
        """
        Return at most *limit* other images that are not deleted and are in *sight*, whose perceptual hash differs from
        that of *image* in at most *most* bits, up to 31; each with the number of bits, the nearest first. Images with
        little to be known by are passed over. If thousands are one picture, not all of them are looked at.
        """


class SameBytes(Protocol):
    """For those who ask whether a file is kept already."""

    def first_of_each(self, digests: Sequence[str], sight: Sight | None = None) -> list[Image]:
        """
        Return, of each of these SHA-256 *digests* (64 hexadecimal digits in lower case), the image with the lowest
        number that is neither deleted nor in quarantine and, with *sight*, in it; in the order of *digests*, each once.
        What is not in sight is not read, so that nobody learns of it by the time that this takes.
        """


@dataclass(frozen=True, slots=True)
class Claim:
    """
    The right to render an image until the lease ends. `attempt` counts from 1, and begins anew when the image is
    published. So `lease_until`, by the clock of the catalogue, tells this claim from earlier and later ones. It is None
    once the image was left.
    """

    image: Image
    attempt: int
    lease_until: float | None


class Renderings(Protocol):
    """For the worker: an image is claimed, rendered, and given a verdict."""

    def claim(self, image_id: ImageId, lease_s: float, *, to_complete: bool = True) -> Claim | None:
        """
        Take the image for rendering; None if it is done or deleted, or a lease on it still runs. An image that is
        completed or rendered again stays `READY` meanwhile. Not *to_complete*: None, too, if only its rest is to come.
        """

    def in_hand(self, image_id: ImageId) -> Claim | None:
        """
        The last claim on the image, even if its lease has ended. None if it has had its verdict, or was postponed, or
        published and left, or if the image is deleted.
        """

    def newcomers_wait(self) -> bool:
        """Whether an image without any vignette waits that nobody has a lease on."""

    def publish(
        self,
        claim: Claim,
        placeholder: Placeholder | None,
        recipe_set: str,
        sizes: tuple[str, ...],
        *,
        goes_on: bool,
        vignette_bytes: int = 0,
    ) -> Claim | None:
        """
        Set the image `READY`, with *sizes*, *vignette_bytes* and, unless it is None, *placeholder*; what is still to
        come waits as a work of its own, `Need.REST`, with no attempts counted. *recipe_set* identifies what was made
        by now.

        If the worker *goes on*, its lease does too, and it has begun the first attempt of that work. Otherwise the
        lease ends, and the image counts as queued from now on.

        Returns:
            The claim to go on with; None if *claim* no longer holds, as with `finish`.
        """

    def finish(
        self,
        claim: Claim,
        failure: Failure | None,
        placeholder: Placeholder | None = None,
        recipe_set: str = "",
        sizes: tuple[str, ...] | None = None,
        vignette_bytes: int = 0,
    ) -> bool:
        """
        Set the image `READY` with *placeholder*, *sizes* and *vignette_bytes*, or `FAILED` with *failure*, and note the
        *recipe_set* that was rendered or tried. An image that was completed or rendered again is `READY` either way;
        with a *failure* it keeps its sizes, and without a *placeholder* the one that it has. See `Unflushed` for the
        note that it adds.

        Returns:
            False if the claim no longer holds: nothing is changed then. If the image was deleted meanwhile, only its
            lease is ended.
        """

    def release(self, image_id: ImageId, failure: Failure, pause_s: float) -> None:
        """End the lease of a rendering that died of *failure*: the image may be claimed again after *pause_s*."""

    def postpone(self, claim: Claim, failure: Failure, pause_s: float) -> None:
        """As `release`, but the attempt does not count. Nothing changes if the claim no longer holds."""

    def end_leases(self) -> None:
        """
        End all leases, and pauses with them: nobody renders. What workers had in hand when they ended is queued by the
        next sweep, and what was deleted then is deleted.
        """


@dataclass(frozen=True, slots=True)
class Due:
    """An image that is to be rendered again. *kind* and *place* tell the catalogue where the next page begins."""

    image_id: ImageId
    kind: int
    place: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Note:
    """A rendering of the image has ended, and what it wrote may be in the memory of a machine alone."""

    number: int
    image_id: ImageId


class Unflushed(Protocol):
    """
    For those who flush what renderings have written. `Renderings.finish` adds a note if its machine can flush all at
    once. A note has a higher number than those that were there before; no number is used twice.
    """

    def last(self) -> int | None:
        """Return the highest number of this machine's notes; None if there are none."""

    def up_to(self, number: int, limit: int) -> list[Note]:
        """At most *limit* notes of this machine up to *number*, the lowest first."""

    def forget_up_to(self, number: int) -> None:
        """Remove the notes of this machine up to *number*: what they stand for is on the disk."""

    def of_crashed_machines(self, limit: int) -> list[Note]:
        """At most *limit* notes of earlier starts of this machine, and of machines from which nothing is heard."""

    def forget(self, notes: Sequence[Note]) -> None:
        """Remove these notes."""


class Waiting(Protocol):
    """For those who see that no image waits for ever."""

    def forgotten(self, min_age_s: float, limit: int) -> dict[ImageId, Need]:
        """
        At most *limit* images that wait to be rendered, whose job was not queued in the last *min_age_s*, and which
        nobody has begun to render since it was; with what each needs. They count as queued from now on: concurrent
        callers get different images. If there are more, the most urgent need comes first. The numbers are in order.
        """

    def interrupted(self, limit: int) -> dict[ImageId, Need]:
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

    def reset(self, image_id: ImageId, *, only_rest: bool = False, even_completing: bool = False) -> None:
        """
        Mark an image to be rendered again, with no attempts counted. A failed image is pending then; a ready one stays
        ready, and is renewing, or completing with *only_rest*. Images that wait or are in the hands of a worker stay as
        they are.

        With *even_completing*, an image that is completed is renewing too: what it has may be lost. A claim on it no
        longer holds, but its lease runs on, because its worker may still write.
        """

    def renew(self, recipe_set: str, limit: int) -> list[ImageId]:
        """
        Mark at most *limit* ready images to be rendered again whose recipe set differs from *recipe_set*; return their
        numbers. Concurrent callers get different images.
        """

    def due(self, recipe_set: str | None, limit: int, after: Due | None = None) -> list[Due]:
        """
        At most *limit* ready images that are to be rendered again, those behind *after*: if their recipe set differs
        from *recipe_set*, if they could not be rendered again by it, or if they wait for it already. None means all
        ready images.

        An image may come a second time if it waits to be rendered meanwhile, but not once it was rendered.
        """

    def count_due(self, recipe_set: str | None, at_most: int) -> int:
        """How many images `due` would give, counted up to *at_most*."""


class Editing(Protocol):
    """For what is said of an image after it came."""

    def set_visibility(
        self,
        image_id: ImageId,
        visibility: Visibility | None,
        at: datetime,
        write_down: Callable[[Edits], object],
        check: Callable[[Image], object] = lambda _: None,
    ) -> Edits:
        """
        Say who sees the image, and have all that is said of it written down (*write_down*) while nobody else says
        anything, deletes the image or reads its folder for the catalogue; return it. Before that *check* is given the
        image as it stands. If either raises, nothing has changed. If *write_down* does, or whoever does all this dies,
        the image is `under_way`. An image that becomes private ends its links *at* this time
        (`access.links.end_of_links`).

        On SQLite all other writers wait meanwhile, so *write_down* has to be short, and must not use the catalogue.

        Raises:
            ImageNotFound: There is no image of this number, or it was deleted.
        """

    def end_links(self, image_id: ImageId, at: datetime, write_down: Callable[[Edits], object]) -> Edits:
        """End the links of the image *at* this time; all else is as of `set_visibility`."""

    def under_way(self, min_age_s: float, limit: int) -> list[ImageId]:
        """
        At most *limit* images that somebody began to change *min_age_s* ago or earlier, and has not come to an end
        with: what was written down may be ahead of what the catalogue says.
        """

    def settle(self, image_id: ImageId, min_age_s: float, read: Callable[[], Edits]) -> None:
        """
        Have the catalogue say what *read* returns of the image, while nobody else says anything: so no change of the
        image that began *min_age_s* ago or earlier is `under_way` any more. *read* is not called if the image is gone.
        """


class Quarantine(Protocol):
    """
    For what nobody but `admin` is to see before somebody has decided. Each change has something written down in the
    folder (*write_down*), as `Editing.set_visibility` has: if that raises, nothing has changed.
    """

    def waiting(self, limit: int, before: ImageId | None = None) -> list[Image]:
        """Return at most *limit* images in quarantine, newest first, with numbers below *before*."""

    def shut_away(self, image_id: ImageId, suspicion: Suspicion, write_down: Callable[[], object]) -> None:
        """Put the image into quarantine; raise `ImageNotFound` if there is none of this number, or it was deleted."""

    def let_out(self, image_id: ImageId, write_down: Callable[[], object]) -> None:
        """Let the image out. Raise `ImageNotQuarantined` if it is not in quarantine, not any more, or deleted."""

    def begin_delete(self, image_id: ImageId) -> None:
        """Do `Removals.begin_delete` to an image in quarantine; raise `ImageNotQuarantined` as `let_out` does."""


class Removals(Protocol):
    """For deleting images, and for whoever must not write behind a deletion."""

    def unless_gone(self, image_id: ImageId, act: Callable[[], object]) -> bool:
        """
        Do *act* while no deletion of the image can begin: a later one finds all that *act* has written, even if this
        process is killed in the middle. Return False, without doing it, if the image is gone or there never was one.

        On SQLite all other writers wait meanwhile, so *act* has to be short, and must not use the catalogue.
        """

    def begin_delete(self, image_id: ImageId, beside: Callable[[], object] = int) -> bool:
        """
        Set `DELETING`: from now on the image answers as deleted. False, and nothing changes, if it was deleted before
        or there never was one. *beside* is called in the same transaction, if the image is being deleted.
        """

    def end_delete(self, image_id: ImageId) -> None:
        """
        Set `DELETED`: only a tombstone is left in the store. It does nothing while somebody has a lease on the image,
        and so may still write to its folder. The catalogue then knows no more of the image than its number, and that
        its idempotency key is taken.
        """

    def clear_traces(self) -> None:
        """
        Have the files of the database lose what was taken out of it, as far as that is ours to do. It does nothing
        while somebody reads or writes; so it is to be repeated.
        """


class Index(Protocol):
    """For those who bring the catalogue up to the store."""

    def restore(self, images: Iterable[tuple[ImageId, Image | None]]) -> int:
        """
        Replace everything by *images*; return how many there are. The next number is above the highest of theirs, with
        an image or without, and never lower than it was. *images* is read while no image can be added or withdrawn.
        """

    def catch_up(self, images: Iterable[tuple[ImageId, Image | None]]) -> int:
        """
        Index those of *images* whose number was not given yet, and take their numbers; return how many were indexed.

        None stands for a folder without a readable record: only its number is taken. *images* is read while no image
        can be added or withdrawn.
        """

    def index(self, image_id: ImageId, read: Callable[[], Image | None]) -> None:
        """
        Replace what the catalogue says of this number, if anything, by what *read* returns of its folder; if that is
        None, nothing changes. *read* is called while nobody says anything else of the image. Its job counts as
        forgotten.
        """

    def next_id(self) -> ImageId:
        """Return the number that the next image will get."""

    def highest(self) -> ImageId | None:
        """The highest number of an image that is known, deleted ones too; None if none is."""


class Workers(Protocol):
    """Signs of life of the workers."""

    def beat(self, worker: str) -> None:
        """Note that *worker* is alive now, and forget those that have been silent for a day."""

    def seconds_since_beat(self) -> float | None:
        """Return how long ago any worker last gave a sign of life; None if none ever did."""
