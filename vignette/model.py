"""Plain frozen values that all parts of Vignette share. They know no file, no row and no request."""

from __future__ import annotations

import builtins
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Final, Literal, NewType

from vignette.errors import N_

ImageId = NewType("ImageId", int)
"""The number of an image. Numbers count the arrivals from 0; none is used twice."""


PublicName = NewType("PublicName", str)
"""What an image is called by those who must not learn its number; see `access.names`."""

ImageRef = ImageId | PublicName


class Visibility(StrEnum):
    """Who sees an image, of those who may read at all: all of them, or its owner alone."""

    PUBLIC = "public"
    PRIVATE = "private"


class State(StrEnum):
    """Where an image stands. A `DELETING` image answers as deleted while its files are still being removed."""

    PENDING = "pending"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"

    @property
    def is_gone(self) -> bool:
        return self in (State.DELETING, State.DELETED)


class Need(Enum):
    """
    What an image needs of the worker. `FIRST`: it has no vignette yet. `REST`: it is ready, and other vignettes than
    those of the default recipe are still to come. `AGAIN`: it is ready, and is to be rendered anew. They come in this
    order.
    """

    FIRST = "first"
    REST = "rest"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """
    The facts that the bytes of a picture tell before any pixel is decoded.

    `width` and `height` are in pixels, of the picture turned upright (EXIF tag 0x0112, or `irot`/`imir` in HEIF).
    `frames` counts the frames of an animation, or the pages of a TIFF.
    """

    media_type: str
    extension: str
    width: int
    height: int
    frames: int


@dataclass(frozen=True, slots=True)
class Record:
    """The facts of an arrival, as in `record.json`. `name` is the sender's label, never a path. `bytes` is a length."""

    name: str | None
    facts: ImageFacts
    bytes: int
    sha256: str
    received_at: datetime
    idempotency_key: str | None = None
    """SHA-256 of the client's `Idempotency-Key`, in hex."""
    owner: str | None = None
    """The id of the key that sent it. None: it came without a key."""
    public_name: PublicName | None = None
    """In `record.json` None for images that came before there were names: see `access.names.name_of_earlier`."""
    ticket: str | None = None
    """The id of the ticket by which it came, if it came by one. A deleted image keeps it: its use stays spent."""
    external_id: str | None = None
    """What the maker of that ticket calls the image: a label."""


@dataclass(frozen=True, slots=True)
class Edits:
    """
    What was said of an image, as in `edits.json`. None: nothing was. An image is public unless something else is said,
    but for one that came before anything could be said of it.

    Signed links that were made until `links_ended_at`, to the second, hold no more. None: none was ended.
    """

    visibility: Visibility | None = None
    links_ended_at: datetime | None = None


class Decision(StrEnum):
    """What `admin` decides about an image in quarantine. One that is rejected is deleted."""

    ACCEPT = "accept"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """
    Why an image is in quarantine: the name of the check that wants it, the code of its reason, and since when, in whole
    milliseconds.
    """

    check: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """
    What became of a suspicion, as in `review.json`. Without a `decision` the image is in quarantine. `decided_by` is
    the id of a key, None for whoever runs commands; `note` is what that person said.
    """

    suspicion: Suspicion
    decision: Decision | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an image has no vignette: the code, words and numbers of an error, as in `outcome.json`."""

    code: str
    detail: str
    measured: int | None = None
    limit: int | None = None


class RenderingWarning(StrEnum):
    """What a rendering passed over, or did not make, without failing. Clients may test these codes."""

    PROFILE_NOT_APPLIED = "profile-not-applied"
    ANIMATION_DAMAGED = "animation-damaged"
    ANIMATION_TOO_COSTLY = "animation-too-costly"

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS: Final[Mapping[RenderingWarning, str]] = {
    RenderingWarning.PROFILE_NOT_APPLIED: N_("Its colour profile cannot be applied: its colours are shown without it."),
    RenderingWarning.ANIMATION_DAMAGED: N_("A later frame of its animation is damaged: its first frame stands still."),
    RenderingWarning.ANIMATION_TOO_COSTLY: N_("Its animation is too long or too large: not all of its vignettes move."),
}


@dataclass(frozen=True, slots=True)
class Placeholder:
    """
    How a picture looks, in few bytes. Pages show a ThumbHash (base64) and the mean colour ("#rrggbb") until the
    vignette is loaded. `pdq` are the 64 hexadecimal digits of `pixels.pdq`, by which pictures that look alike are
    found, and `quality` is how much there is to find it by: 0 to 100. Pictures that earlier releases rendered have
    none.
    """

    thumbhash: str
    colour: str
    pdq: str | None = None
    quality: int = 0


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Tells a file that a crash of the machine has damaged: its length, and the CRC-32 of its bytes (RFC 1952)."""

    bytes: int
    crc32: int

    @classmethod
    def of(cls, content: builtins.bytes) -> Fingerprint:
        return cls(len(content), zlib.crc32(content))


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    The worker's verdict: the names of the vignettes that it made, or the failure.

    `to_come` names the vignettes that are still to be made. A moving one among them may turn out to cost too much, and
    then never comes. `fingerprints` are by the name of the vignette. Outcomes of earlier releases have none.

    `replacements` are there while files of a ready image are replaced by others of the same names, and after the worker
    died of that: the fingerprints of the new files. A vignette is then either that of `fingerprints` or one of these.

    `warnings` are values of `RenderingWarning`, or what a later release has added to them.
    """

    vignettes: tuple[str, ...] = ()
    failure: Failure | None = None
    attempts: int = 1
    placeholder: Placeholder | None = None
    fingerprints: Mapping[str, Fingerprint] = field(default_factory=dict)
    to_come: tuple[str, ...] = ()
    replacements: Mapping[str, tuple[Fingerprint, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def vignette_bytes(self) -> int:
        """The bytes of all vignettes, as far as they are known."""
        return sum(self.fingerprints[name].bytes for name in self.vignettes if name in self.fingerprints)

    def may_fit(self, name: str, length: int) -> bool:
        """Whether a file of *length* bytes may be the vignette *name*: as `fits`, for whoever has not read it."""
        # No vignette is empty: that is what a crash of the machine leaves of most files.
        if name not in self.vignettes or length == 0:
            return False
        known = self._fingerprints_of(name)
        return not known or length in {each.bytes for each in known}

    def fits(self, name: str, content: bytes) -> bool:
        """
        Whether *content* is that of the vignette *name*, as far as can be told. It is not if this outcome does not list
        the vignette: nobody knows then whether the file is whole.
        """
        known = self._fingerprints_of(name)
        return self.may_fit(name, len(content)) and (not known or Fingerprint.of(content) in known)

    def _fingerprints_of(self, name: str) -> tuple[Fingerprint, ...]:
        """Return the fingerprints that the vignette may have; none where nobody knows any."""
        return (self.fingerprints[name], *self.replacements.get(name, ())) if name in self.fingerprints else ()


@dataclass(frozen=True, slots=True)
class Image:
    """
    A row of the catalogue: the record of an image, its number, and where it stands.

    `recipe_set` identifies the recipes of the last rendering that ended (see `layout.recipe_set`). A ready image that
    `is_renewing` waits to be rendered again, or is being rendered. One that `is_completing` has the vignettes of the
    default recipe; others are still to come. A ready image that needs nothing and has a `failure` could not be rendered
    again or completed, and keeps the vignettes that it has.

    `sizes` names the recipes of which a ready image has vignettes. It is None if that is not known, because an earlier
    release rendered it.

    `visibility` is what was said last. None: nothing was, as it came before anything could be. `links_ended_at` is that
    of `Edits`.

    An image in `quarantine` is seen by `admin` alone, whatever its state and its visibility.

    `metadata_bytes` and `vignette_bytes` are what is kept beside the original, as far as it is known.
    """

    id: ImageId
    record: Record
    state: State
    attempts: int = 0
    failure: Failure | None = None
    placeholder: Placeholder | None = None
    recipe_set: str = ""
    is_renewing: bool = False
    is_completing: bool = False
    sizes: tuple[str, ...] | None = None
    visibility: Visibility | None = None
    links_ended_at: datetime | None = None
    quarantine: Suspicion | None = None
    metadata_bytes: int = field(default=0, compare=False)
    vignette_bytes: int = field(default=0, compare=False)

    @property
    def public_name(self) -> PublicName | None:
        """None for a deleted image, of which nothing is known."""
        return self.record.public_name

    @property
    def need(self) -> Need | None:
        """What the image waits for or is being given; None if nothing more is to be done."""
        if self.state in (State.PENDING, State.PROCESSING):
            return Need.FIRST
        if self.is_completing:
            return Need.REST
        return Need.AGAIN if self.is_renewing else None

    @property
    def has_failed(self) -> bool:
        """Whether its last rendering has failed for good. A ready image keeps the vignettes that it has."""
        if self.state is State.READY:
            return self.need is None and self.failure is not None
        return self.state is State.FAILED

    def has(self, size: str) -> bool:
        """Whether it has vignettes of this *size*, the name of a recipe, as far as the catalogue knows."""
        return self.state is State.READY and (self.sizes is None or size in self.sizes)


def in_milliseconds(moment: datetime) -> datetime:
    """Return *moment*, cut to whole milliseconds, which every place that keeps it can hold."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


Durability = Literal["full", "fast"]
LogFormat = Literal["text", "json"]
"""An upload is on the disk before we acknowledge it ("full"), or once the operating system writes it ("fast")."""
