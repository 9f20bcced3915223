"""The sizes of vignettes, in pixels. A vignette is never larger than its picture; each side has at least one pixel."""

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
    Return (width, height) of the vignette of a *width* × *height* picture.

    With `inside`, the vignette keeps the picture's aspect ratio and lies within the recipe's box. With `cover`, it has
    the aspect ratio of the box and fills it. If the picture is too small for that, the vignette is the largest part of
    the picture that has this aspect ratio.
    """
    return _part(whole(width, height, recipe), recipe)


def whole(width: int, height: int, recipe: Recipe) -> tuple[int, int]:
    """Return (width, height) of the scaled picture that `cover` cuts the vignette from; `inside` cuts nothing off."""
    scales = recipe.width / width, recipe.height / height
    return _scaled(width, height, min(min(scales) if recipe.fit == "inside" else max(scales), 1.0))


def within(width: int, height: int, most_edge_px: int | None) -> tuple[int, int]:
    """Return (width, height) of the picture with at most *most_edge_px* at its longer side; None leaves it as it is."""
    return _scaled(width, height, 1.0 if most_edge_px is None else min(most_edge_px / max(width, height), 1.0))


def centred(width: int, height: int, size: tuple[int, int]) -> tuple[int, int]:
    """Return (left, top) of the part of *size*, (width, height), in the middle of a *width* × *height* picture."""
    return (width - size[0]) // 2, (height - size[1]) // 2


def _part(complete: tuple[int, int], recipe: Recipe) -> tuple[int, int]:
    if recipe.fit == "inside":
        return complete
    across, down = complete
    scale = min(across / recipe.width, down / recipe.height, 1.0)
    return _scaled(recipe.width, recipe.height, scale)


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return max(1, round(width * scale)), max(1, round(height * scale))
