"""How vignettes are made: what a recipe says, and the digest by which changed ones are told apart."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

VignetteFormat = Literal["webp", "jpeg", "avif"]

Fit = Literal["inside", "cover"]
"""The whole picture within the box, or the box filled and what stands over cut off."""

Crop = Literal["centre", "attention"]
"""What `cover` keeps: the middle, or where there is most to see."""

MAX_EDGE_PX: Final = 8192

# Count it up when `vignette.pixels.rendering` makes other pixels by the same recipe: then all is rendered again.
# `tests/unit/pixels/test_edition.py` fails if that was forgotten.
RENDERER_EDITION: Final = 1

_Edge = Annotated[int, Field(strict=True, ge=1, le=MAX_EDGE_PX)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
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
        """`digest_in` the edition of the renderer that is in force."""
        return self.digest_in(RENDERER_EDITION)

    def digest_in(self, edition: int) -> str:
        """
        Eight hexadecimal digits of everything that decides the bytes of a vignette, except its original and its format.

        The name of the recipe and its list of formats decide nothing.
        """
        decisive = {
            "edition": edition,
            "width": self.width,
            "height": self.height,
            "fit": self.fit,
            "crop": self.crop,
            "quality": self.quality,
            "animate": self.animate,
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:8]
