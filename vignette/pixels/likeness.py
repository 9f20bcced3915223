"""What a picture in memory looks like, for `pdq`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PIL import Image

from vignette.pixels.pdq import EDGE, Pdq, pdq

# Each point is a mean of what is around it, weighted by a tent as wide as the point. Pillow's tents are twice as wide
# as their points: so each second point of twice as many is taken, and they begin a quarter of a point from the edge.
_POINTS: Final = 2 * EDGE - 1
_FROM_THE_EDGE: Final = 1 / (4 * EDGE)


def likeness(image: Image.Image) -> Pdq:
    """Return the hash of *image*; transparent parts are white."""
    return pdq(luminance_of(image))


def luminance_of(image: Image.Image) -> Sequence[float]:
    """Return 64 × 64 points of the luminance of *image*, each 0 to 255, row by row."""
    if image.has_transparency_data:
        picture = Image.new("RGBA", image.size, "white")
        picture.alpha_composite(image.convert("RGBA"))
        image = picture
    width, height = image.size
    left, top = width * _FROM_THE_EDGE, height * _FROM_THE_EDGE
    grey = image.convert("RGB").convert("F")
    points = grey.resize((_POINTS, _POINTS), Image.Resampling.BILINEAR, (left, top, width - left, height - top))
    values = memoryview(points.tobytes()).cast("f")
    return [value for row in range(0, _POINTS, 2) for value in values[row * _POINTS : (row + 1) * _POINTS : 2]]
