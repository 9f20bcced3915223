"""Compares and turns sizes: those that decoders find, and those that the check at the door has found."""

from __future__ import annotations

from vignette.errors import RenderingFailed
from vignette.pixels.anatomy import Anatomy


def check_size(found: tuple[int, int], *told: tuple[int, int]) -> None:
    """
    Refuse a file whose decoder has *found* a size that is none of those *told* to the door.

    Such a file is made to get past the limits.

    Raises:
        RenderingFailed: The sizes differ.
    """
    if found not in told:
        raise RenderingFailed(f"its decoder sees {found[0]} × {found[1]} pixels, the door saw others")


def stored(size: tuple[int, int], anatomy: Anatomy) -> tuple[int, int]:
    """Return the upright *size* as it is in the stored picture, before that is turned."""
    return size[::-1] if anatomy.orientation >= 5 else size
