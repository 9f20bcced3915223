"""What is made of a picture. This module knows no decoder."""

from __future__ import annotations

from dataclasses import dataclass

from vignette.model import Placeholder, RenderingWarning
from vignette.recipes import Recipe, VignetteFormat


@dataclass(frozen=True, slots=True)
class Rendition:
    """
    An encoded vignette of `width` × `height` pixels. One that `moves` is an animated WebP, beside the still one.

    The first that is made of a picture has its `placeholder`.
    """

    recipe: Recipe
    file_format: VignetteFormat
    width: int
    height: int
    content: bytes
    moves: bool = False
    placeholder: Placeholder | None = None


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The picture itself, decoded and encoded anew in `file_format`, JPEG or WebP, at `width` × `height` pixels."""

    file_format: VignetteFormat
    width: int
    height: int
    content: bytes


Step = list[Rendition]
"""The vignettes that are made in one go: all stills of one recipe, or all that move."""

Told = Step | RenderingWarning
"""What a rendering tells on its way: what it has made, and what it passes over; each warning once, at most."""
