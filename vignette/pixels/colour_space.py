"""
`ColourSpace`: what the samples of a picture mean, where no ICC profile says it (pure).

A colour space is the colours of red, green, blue and white, and the curve from a sample to light. PNG tells it by the
chunks cICP, or gAMA and cHRM; HEIF and AVIF by the box `nclx` or within the coded picture. `None` stands for sRGB in
this module: browsers assume sRGB where a file says nothing, or nothing that they know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

Chromaticity: TypeAlias = tuple[float, float]
"""CIE 1931 x and y."""

_D65: Final[Chromaticity] = (0.3127, 0.3290)
_C: Final[Chromaticity] = (0.310, 0.316)
_DCI: Final[Chromaticity] = (0.314, 0.351)
_EQUAL_ENERGY: Final[Chromaticity] = (1 / 3, 1 / 3)


@dataclass(frozen=True, slots=True)
class Primaries:
    red: Chromaticity
    green: Chromaticity
    blue: Chromaticity
    white: Chromaticity


@dataclass(frozen=True, slots=True)
class Parametric:
    """
    Light is (`a` × sample + `b`) to the power of `exponent` from the sample `d` on, and `c` × sample below.

    Samples and light go from 0 to 1. This is `parametricCurveType` 3 of ICC.1:2022, 10.18.
    """

    exponent: float
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0


class Hdr(Enum):
    """The curves of pictures that are brighter than white: ITU-R BT.2100, tables 4 and 5."""

    PQ = 16
    HLG = 18


Curve: TypeAlias = Parametric | Hdr


@dataclass(frozen=True, slots=True)
class ColourSpace:
    primaries: Primaries
    curve: Curve

    @property
    def is_hdr(self) -> bool:
        return isinstance(self.curve, Hdr)


SRGB_CURVE: Final = Parametric(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
BT_1886: Final = Parametric(2.4)
SRGB_PRIMARIES: Final = Primaries((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _D65)

BT_2020_PRIMARIES: Final = Primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65)

# ITU-T H.273 (07/2024), table 2. Browsers take 2 (unspecified) and what is not here for that of sRGB.
_PRIMARIES: Final[Mapping[int, Primaries]] = {
    1: SRGB_PRIMARIES,
    4: Primaries((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: Primaries((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    7: Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    8: Primaries((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: BT_2020_PRIMARIES,
    10: Primaries((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), _EQUAL_ENERGY),
    11: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    12: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: Primaries((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}

# The same, table 3: BT.470 M and B/G, SMPTE 240M, linear light, sRGB, SMPTE 428-1. Browsers take the logarithmic curves
# for that of sRGB.
_CURVES: Final[Mapping[int, Curve]] = {
    4: Parametric(2.2),
    5: Parametric(2.8),
    7: Parametric(1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4.0, 0.0913),
    8: Parametric(1.0),
    13: SRGB_CURVE,
    16: Hdr.PQ,
    17: Parametric(2.6, (52.37 / 48) ** (1 / 2.6)),
    18: Hdr.HLG,
}
# The curves of television cameras: BT.709, BT.601, xvYCC, BT.2020. Which curve of a screen undoes them is not theirs to
# say, so browsers choose by the container.
_TELEVISION: Final = (1, 6, 11, 14, 15)

# PNG, Third Edition, 11.3.2.1 and 11.3.2.2: numbers count hundred-thousandths.
_UNIT: Final = 100_000
# Of the power of a screen, 2.2, such a curve is within 5 %: libpng and browsers take it for that of sRGB.
_SCREEN_GAMMA: Final = 2.2
_MOST_OFF: Final = 0.05
# Beyond these exponents a picture is black or white. Its writer meant something else.
_MOST_EXPONENT: Final = 10.0
# `cHRM` has few digits: sRGB is written as 0.3127, 0.329, and as 0.31270, 0.32900; old programs round to 0.313.
_MOST_APART: Final = 0.001


def by_cicp(primaries: int, transfer: int, television: Parametric) -> ColourSpace | None:
    """
    Return the colour space by its numbers in ITU-T H.273.

    *television* is the curve that undoes those of television cameras.
    """
    curve = television if transfer in _TELEVISION else _CURVES.get(transfer, SRGB_CURVE)
    return _unless_srgb(_PRIMARIES.get(primaries, SRGB_PRIMARIES), curve)


def knows_cicp(primaries: int, transfer: int) -> bool:
    """Whether both numbers have a meaning for us."""
    return primaries in _PRIMARIES and (transfer in _CURVES or transfer in _TELEVISION)


def by_gamma(gamma: int, chromaticities: tuple[int, ...] | None) -> ColourSpace | None:
    """
    Return the colour space of the *gamma* of a gAMA and the eight *chromaticities* of a cHRM: white, red, green, blue.

    Raises:
        ValueError: They are no colour space.
    """
    if not _UNIT / _MOST_EXPONENT <= gamma <= _UNIT * _MOST_EXPONENT:
        raise ValueError(f"a gamma of {gamma / _UNIT:g} would leave nothing to see")
    is_screen = abs(gamma / _UNIT * _SCREEN_GAMMA - 1) < _MOST_OFF
    primaries = SRGB_PRIMARIES if chromaticities is None else _by_chromaticities(chromaticities)
    if primaries == SRGB_PRIMARIES and is_screen:
        return None
    return ColourSpace(primaries, Parametric(_UNIT / gamma))


def _by_chromaticities(values: tuple[int, ...]) -> Primaries:
    numbers = [value / _UNIT for value in values]
    white, red, green, blue = zip(numbers[::2], numbers[1::2], strict=True)
    told, own = (white, red, green, blue), SRGB_PRIMARIES
    srgb = (own.white, own.red, own.green, own.blue)
    if all(
        abs(one - other) <= _MOST_APART
        for point, point_of_srgb in zip(told, srgb, strict=True)
        for one, other in zip(point, point_of_srgb, strict=True)
    ):
        return own
    if not white[1] or not all(0 <= x <= 1 and 0 <= y <= 1 for x, y in told) or _area(red, green, blue) == 0:
        raise ValueError("the colours of red, green, blue and white make no colour space")
    return Primaries(red, green, blue, white)


def _area(red: Chromaticity, green: Chromaticity, blue: Chromaticity) -> float:
    return (green[0] - red[0]) * (blue[1] - red[1]) - (green[1] - red[1]) * (blue[0] - red[0])


def _unless_srgb(primaries: Primaries, curve: Curve) -> ColourSpace | None:
    space = ColourSpace(primaries, curve)
    return None if space == ColourSpace(SRGB_PRIMARIES, SRGB_CURVE) else space
