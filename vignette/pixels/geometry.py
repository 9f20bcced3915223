"""Sizes of pictures and of what is made of them, in pixels."""

from __future__ import annotations

from vignette.model import Recipe


def fit(width: int, height: int, recipe: Recipe) -> tuple[int, int]:
    """(width, height) of a *width* × *height* picture in the box of *recipe*: never enlarged, at least 1 × 1."""
    scale = min(recipe.width / width, recipe.height / height, 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))
