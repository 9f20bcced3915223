"""The sizes of vignettes, in pixels. A vignette is never larger than its picture; each side has at least one pixel."""

from __future__ import annotations

from vignette.recipes import Recipe


def fit(width: int, height: int, recipe: Recipe) -> tuple[int, int]:
    """
    Return (width, height) of the vignette of a *width* × *height* picture.

    With `inside`, the vignette keeps the picture's aspect ratio and lies within the recipe's box. With `cover`, it has
    the aspect ratio of the box and fills it. If the picture is too small for that, the vignette is the largest part of
    the picture that has this aspect ratio.
    """
    across, down = whole(width, height, recipe)
    if recipe.fit == "inside":
        return across, down
    scale = min(across / recipe.width, down / recipe.height, 1.0)
    return _scaled(recipe.width, recipe.height, scale)


def whole(width: int, height: int, recipe: Recipe) -> tuple[int, int]:
    """Return (width, height) of the scaled picture that `cover` cuts the vignette from; `inside` cuts nothing off."""
    scales = recipe.width / width, recipe.height / height
    return _scaled(width, height, min(min(scales) if recipe.fit == "inside" else max(scales), 1.0))


def centred(width: int, height: int, size: tuple[int, int]) -> tuple[int, int]:
    """Return (left, top) of the part of *size*, (width, height), in the middle of a *width* × *height* picture."""
    return (width - size[0]) // 2, (height - size[1]) // 2


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return max(1, round(width * scale)), max(1, round(height * scale))
