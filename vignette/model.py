"""Plain frozen values that all parts speak of. They know no file, no row and no request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, NewType

ImageId = NewType("ImageId", int)
"""The number of an image: counts arrivals from 0, is never used twice."""


class State(StrEnum):
    """Where an image stands. `DELETING` answers as deleted; its files are still being removed."""

    PENDING = "pending"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"

    @property
    def is_gone(self) -> bool:
        return self in (State.DELETING, State.DELETED)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """
    What the bytes of a picture are, found without decoding a pixel.

    `width` and `height` are in pixels after orientation (EXIF tag 0x0112, or `irot`/`imir` in HEIF); `frames` counts
    the frames of an animation, or the pages of a TIFF.
    """

    media_type: str
    extension: str
    width: int
    height: int
    frames: int


@dataclass(frozen=True, slots=True)
class Record:
    """The facts of an arrival, as they stand in `record.json`. `name` is a label as sent, never a path."""

    name: str | None
    facts: ImageFacts
    bytes: int
    sha256: str
    received_at: datetime
    idempotency_key: str | None = None
    """SHA-256 of the client's `Idempotency-Key`, in hex."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an image has no vignette: the code and words of an error, kept in `outcome.json`."""

    code: str
    detail: str
    measured: int | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Placeholder:
    """What to show until the vignette is there: a ThumbHash in base64, the mean colour as "#rrggbb"."""

    thumbhash: str
    colour: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The worker's verdict: the names of the vignettes made, or the failure."""

    vignettes: tuple[str, ...] = ()
    failure: Failure | None = None
    attempts: int = 1
    placeholder: Placeholder | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """
    A row of the catalogue: the record under its number, and where it stands.

    `recipe_set` names the recipes that made its vignettes (see `layout.recipe_set`). A ready image that `is_renewing`
    is waiting to be rendered again, or is being rendered; a ready image with a `failure` could not be, and keeps its
    earlier vignettes.
    """

    id: ImageId
    record: Record
    state: State
    attempts: int = 0
    failure: Failure | None = None
    placeholder: Placeholder | None = None
    recipe_set: str = ""
    is_renewing: bool = False


Durability = Literal["full", "fast"]
"""Whether an upload is on the disk when it is acknowledged, or the operating system may write it later."""
