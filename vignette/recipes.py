"""How vignettes are made: the recipe, and the digest that tells a changed recipe from the one before."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

VignetteFormat = Literal["webp", "jpeg", "avif"]

Fit = Literal["inside", "cover"]
"""`inside`: the whole picture within the box. `cover`: the box is filled, and what sticks out is cut off."""

Crop = Literal["centre", "attention"]
"""The part that `cover` keeps. `centre`: the middle. `attention`: where there is most to see."""

MAX_EDGE_PX: Final = 8192

# Raise this number when `vignette.pixels.rendering` makes other pixels by the same recipe: then every image is rendered
# again. `tests/unit/pixels/test_edition.py` fails if that was forgotten.
RENDERER_EDITION: Final = 4

ZOOM_EDGE_PX: Final = 2560
"""The longer side of what viewers enlarge; see `ZOOM`."""

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

    @property
    def moves(self) -> bool:
        """Whether a picture that moves gets a moving vignette beside the still ones."""
        return self.animate and "webp" in self.formats

    @cached_property
    def digest(self) -> str:
        """The digest in the present edition of the renderer; see `digest_in`."""
        return self.digest_in(RENDERER_EDITION)

    def digest_in(self, edition: int) -> str:
        """
        Return eight hexadecimal digits that stand for all that decides how a vignette looks, except its original and
        its format.

        The name of the recipe and its list of formats do not count, because they decide nothing of that. The last bits
        of its pixels also depend on which sizes were made together.
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


ZOOM: Final = Recipe(name="zoom", width=ZOOM_EDGE_PX, height=ZOOM_EDGE_PX, formats=("jpeg",), quality=85, animate=False)
"""
What a viewer enlarges of a picture that browsers cannot decode. It is made when somebody asks for it, and by no other
rendering. Where it is transparent it is a WebP, whatever `formats` says. A recipe of the settings with the same name
takes its place.
"""
