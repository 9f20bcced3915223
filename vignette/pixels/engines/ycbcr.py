"""Makes RGB from planes of brightness and colour, which may be smaller (ITU-T H.273, 8.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from vignette.pixels.engines.deep import library, shrink
from vignette.pixels.engines.libheif_planes import MONOCHROME, RGB, Plane, Planes
from vignette.pixels.engines.variety import UnknownVariety

_HIGHEST: Final = 65535

# KR and KB by MatrixCoefficients. Where nothing is told (2), it is that of BT.601, as libheif takes it.
_BT_601: Final = (0.299, 0.114)
_WEIGHTS: Final = {
    1: (0.2126, 0.0722),
    2: _BT_601,
    4: (0.30, 0.11),
    5: _BT_601,
    6: _BT_601,
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    None: _BT_601,
}
_IDENTITY: Final = 0


def in_rgb(planes: Planes, size: tuple[int, int]) -> Any:
    """
    Return libvips' picture of *planes*, in RGB or grey of 16 bits, at *size*: (width, height) in pixels.

    Raises:
        UnknownVariety: The planes are of another kind.
    """
    parts = [_scaled(plane, size) for plane in planes.planes]
    ranges = [_ranged(part, plane.bits, planes.is_full_range) for part, plane in zip(parts, planes.planes, strict=True)]
    if planes.colourspace == MONOCHROME:
        return _whole([ranges[0][0]], "grey16")
    if planes.colourspace == RGB or planes.matrix == _IDENTITY:
        direct = [luma for luma, _ in ranges]
        return _whole(direct if planes.colourspace == RGB else [direct[2], direct[0], direct[1]], "rgb16")
    if planes.matrix not in _WEIGHTS or len(parts) != 3:
        raise UnknownVariety(f"it does not know YCbCr of the matrix {planes.matrix}")
    red_weight, blue_weight = _WEIGHTS[planes.matrix]
    (y, _), (_, cb), (_, cr) = ranges
    red = y + cr * (2 - 2 * red_weight)
    blue = y + cb * (2 - 2 * blue_weight)
    green = (y - red * red_weight - blue * blue_weight) * (1 / (1 - red_weight - blue_weight))
    return _whole([red, green, blue], "rgb16")


def image_of(plane: Plane) -> Any:
    """Return *plane* as libvips' picture, which reads it where it is."""
    step, kind = plane.sample_bytes, "uchar" if plane.sample_bytes == 1 else "ushort"
    whole = library().Image.new_from_memory(plane.content, plane.row_bytes // step, plane.height, 1, kind)
    return whole.crop(0, 0, plane.width, plane.height).copy(interpretation="b-w" if step == 1 else "grey16")


def _scaled(plane: Plane, size: tuple[int, int]) -> Any:
    return shrink(image_of(plane), size).cast("float")


def _ranged(part: Any, bits: int, is_full: bool) -> tuple[Any, Any]:
    """Return samples as brightness, from 0 to 1, and as colour, from -0.5 to 0.5."""
    unit = 2 ** (bits - 8)
    middle = 128 * unit
    if is_full:
        highest = 2**bits - 1
        return part * (1 / highest), (part - middle) * (1 / highest)
    return (part - 16 * unit) * (1 / (219 * unit)), (part - middle) * (1 / (224 * unit))


def _whole(bands: Sequence[Any], interpretation: str) -> Any:
    first, *others = bands
    joined = first.bandjoin(list(others)) if others else first
    return (joined * _HIGHEST).rint().cast("ushort").copy(interpretation=interpretation)
