"""Draws what stands for a missing vignette. It has the size of the vignette, so that no page shifts when that comes."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw

from vignette.pixels.geometry import fit
from vignette.recipes import Recipe

# On whatever it lies: a page may be light or dark. The marks can be told from either.
_GROUND: Final = (141, 134, 125, 0)
_MARK: Final = (141, 134, 125, 255)


def pending_placeholder(width: int, height: int, recipe: Recipe) -> bytes:
    """Draw a PNG with three dots: the vignette of a picture of *width* × *height* pixels is still being made."""
    return _placeholder(*fit(width, height, recipe), is_failed=False)


def failed_placeholder(width: int, height: int, recipe: Recipe) -> bytes:
    """Draw a PNG with a cross: no vignette can be made of a picture of *width* × *height* pixels."""
    return _placeholder(*fit(width, height, recipe), is_failed=True)


# Most pictures have one of a few shapes, so most placeholders were drawn before.
@lru_cache(maxsize=64)
def _placeholder(width: int, height: int, *, is_failed: bool) -> bytes:
    image = Image.new("RGBA", (width, height), _GROUND)
    draw = ImageDraw.Draw(image)
    middle_x, middle_y, unit = width / 2, height / 2, min(width, height) / 16
    if is_failed:
        for slope in (1, -1):
            ends = (middle_x - 2 * unit, middle_y - slope * 2 * unit, middle_x + 2 * unit, middle_y + slope * 2 * unit)
            draw.line(ends, fill=_MARK, width=max(1, round(unit / 2)))
    else:
        for step in (-2, 0, 2):
            draw.circle((middle_x + step * unit, middle_y), unit / 2, fill=_MARK)
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()
