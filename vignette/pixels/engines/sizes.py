"""The size that a decoder finds, and that which the door has found."""

from __future__ import annotations

from vignette.errors import RenderingFailed
from vignette.pixels.anatomy import Anatomy


def check_size(found: tuple[int, int], *told: tuple[int, int]) -> None:
    """Refuse a file that says one size to the door and another to a decoder: it is made to get past the limits."""
    if found not in told:
        raise RenderingFailed(f"its decoder sees {found[0]} × {found[1]} pixels, the door saw others")


def stored(size: tuple[int, int], anatomy: Anatomy) -> tuple[int, int]:
    """The upright *size* as it is before the picture is turned."""
    return size[::-1] if anatomy.orientation >= 5 else size
