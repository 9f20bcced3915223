"""Plain frozen values that all parts speak of. They know no file, no row and no request."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final, Literal, NewType

from pydantic import ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

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

    `recipes` tells by which it was last rendered (see `layout.recipe_set`). A ready image that `is_renewing` waits to be
    rendered again, or is; one that has a `failure` could not be, and keeps the vignettes that it had.
    """

    id: ImageId
    record: Record
    state: State
    attempts: int = 0
    failure: Failure | None = None
    placeholder: Placeholder | None = None
    recipes: str = ""
    is_renewing: bool = False


Durability = Literal["full", "fast"]
"""Whether an upload is on the disk when it is acknowledged, or the operating system may write it later."""

VignetteFormat = Literal["webp", "jpeg", "avif"]

Fit = Literal["inside", "cover"]
"""The whole picture within the box, or the box filled and what stands over cut off."""

Crop = Literal["centre", "attention"]
"""What `cover` keeps: the middle, or where there is most to see."""

MAX_EDGE_PX: Final = 8192

# To be counted up when `vignette.pixels.rendering` makes other pixels of the same recipe: then all is rendered again.
RENDERER_EDITION: Final = 1

_Edge = Annotated[int, Field(strict=True, ge=1, le=MAX_EDGE_PX)]


@pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Recipe:
    """How a vignette is made for a box of `width` × `height` pixels; a picture is never enlarged."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    width: _Edge
    height: _Edge
    formats: Annotated[tuple[VignetteFormat, ...], Field(min_length=1)] = ("webp", "jpeg")
    quality: Annotated[int, Field(strict=True, ge=1, le=100)] = 80
    fit: Fit = "inside"
    crop: Crop = "centre"
    animate: Annotated[bool, Field(strict=True)] = True

    @field_validator("formats")
    @classmethod
    def _formats_differ(cls, formats: tuple[VignetteFormat, ...]) -> tuple[VignetteFormat, ...]:
        if len(set(formats)) < len(formats):
            raise ValueError("should name each format once")
        return formats

    @field_validator("crop")
    @classmethod
    def _there_is_something_to_cut_off(cls, crop: Crop, info: ValidationInfo) -> Crop:
        if crop != "centre" and info.data.get("fit") == "inside":
            raise ValueError('should stand beside fit = "cover" only: "inside" cuts nothing off')
        return crop

    @cached_property
    def digest(self) -> str:
        """
        Eight hexadecimal digits of what decides the pixels and bytes of a vignette beside its original and its format:
        not the recipe's name, nor which formats there are.
        """
        decisive = {
            "edition": RENDERER_EDITION,
            "width": self.width,
            "height": self.height,
            "fit": self.fit,
            "crop": self.crop,
            "quality": self.quality,
            "animate": self.animate,
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:8]
