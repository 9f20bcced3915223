"""The clean aperture of a picture in a HEIF (ISO/IEC 14496-12, 12.1.4): the part of it that is shown."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import Final

from vignette.pixels.containers.boxes import Box, unpack
from vignette.pixels.containers.reader import Reader

_CLEAN_APERTURE: Final = struct.Struct(">IIIIiIiI")


def shown_part(reader: Reader, clap: Box, whole: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """
    Return (left, top, width, height) of what the box *clap* shows of a picture whose size is *whole*, in pixels.

    It tells a width, a height, and how far its centre is to the right of that of the picture, and below; a numerator
    and a denominator each. Edges are rounded as libheif does it. None: it makes no sense, and all is shown.
    """
    told = unpack(reader, _CLEAN_APERTURE, clap)
    if not all(told[1::2]):
        return None
    across, down, right, below = (Fraction(*pair) for pair in zip(told[::2], told[1::2], strict=True))
    (left, width), (top, height) = _within(whole[0], across, right), _within(whole[1], down, below)
    return (left, top, width, height) if width > 0 and height > 0 else None


def _within(whole: int, aperture: Fraction, offset: Fraction) -> tuple[int, int]:
    """
    Return the first of *whole* pixels that an *aperture* shows, and how many, or 0.

    Its centre is *offset* from that of the picture.
    """
    centre = offset + Fraction(whole - 1, 2)
    first = max(math.floor(centre - (aperture - 1) / 2 + Fraction(1, 2)), 0)
    last = min(math.floor(centre + (aperture - 1) / 2 + Fraction(1, 2)), whole - 1)
    return first, last - first + 1 if 0 < aperture <= whole else 0
