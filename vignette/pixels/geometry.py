"""Sizes of pictures and of what is made of them, in pixels: never enlarged, each side at least one pixel."""

from __future__ import annotations

from dataclasses import dataclass

from vignette.recipes import Recipe


@dataclass(frozen=True, slots=True)
class Plan:
    """What one recipe makes of one picture: see `whole` and `fit`."""

    recipe: Recipe
    whole: tuple[int, int]
    size: tuple[int, int]


def plan(width: int, height: int, recipe: Recipe) -> Plan:
    """What *recipe* makes of a *width* × *height* picture."""
    complete = whole(width, height, recipe)
    return Plan(recipe, complete, _part(complete, recipe))


def fit(width: int, height: int, recipe: Recipe) -> tuple[int, int]:
    """
    (width, height) of the vignette of a *width* × *height* picture.

    `inside` keeps the picture's aspect and lies within the box. `cover` has the aspect of the box: it fills it, or, if
    the picture is too small for that, it is the largest part of this aspect that there is.
    """
    return _part(whole(width, height, recipe), recipe)


def whole(width: int, height: int, recipe: Recipe) -> tuple[int, int]:
    """(width, height) of the complete picture that the vignette is cut out of; with `inside` nothing is cut off."""
    scales = recipe.width / width, recipe.height / height
    return _scaled(width, height, min(min(scales) if recipe.fit == "inside" else max(scales), 1.0))


def centred(width: int, height: int, size: tuple[int, int]) -> tuple[int, int]:
    """(left, top) of the middle part of this *size* of a *width* × *height* picture."""
    return (width - size[0]) // 2, (height - size[1]) // 2


def _part(complete: tuple[int, int], recipe: Recipe) -> tuple[int, int]:
    if recipe.fit == "inside":
        return complete
    across, down = complete
    scale = min(across / recipe.width, down / recipe.height, 1.0)
    return _scaled(recipe.width, recipe.height, scale)


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return max(1, round(width * scale)), max(1, round(height * scale))
