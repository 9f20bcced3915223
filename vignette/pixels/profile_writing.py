"""
Writes a `ColourSpace` as an ICC profile (ICC.1:2022, version 4), so that one thing converts all colours (pure).

A picture of HDR is mapped to what a screen without HDR can show by the curve of its profile, for red, green and blue
alike.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from vignette.pixels.colour_space import SRGB_PRIMARIES, Chromaticity, ColourSpace, Parametric, Primaries
from vignette.pixels.tone_mapping import light_of, shown

_Vector: TypeAlias = tuple[float, float, float]

# ICC.1:2022, 7.2.16: the white of all profiles.
_D50: Final = (0.9642, 1.0, 0.8249)
# The Bradford transform, by which profiles adapt another white to that (ICC.1:2022, annex E.3), column by column.
_BRADFORD: Final = ((0.8951, -0.7502, 0.0389), (0.2664, 1.7135, -0.0685), (-0.1614, 0.0367, 1.0296))

_HEADER_BYTES: Final = 128
# ICC.1:2022, 7.2.8 and 7.2.9: where a profile names its colour model, and that in which colours leave it.
MODEL_AT: Final = slice(16, 20)
_CONNECTION_AT: Final = slice(20, 24)
_TAG: Final = struct.Struct(">4sII")
_VERSION: Final = 0x04400000
# s15Fixed16Number.
_ONE: Final = 65536
_MOST_FIXED: Final = 2**31 - 1

# A curve of HDR is a table of this many values. Between two of them it is straight.
_CURVE_VALUES: Final = 4096
_LARGEST: Final = 65535


@lru_cache(8)
def icc_profile(space: ColourSpace, samples: int, headroom: float = 0.0) -> bytes:
    """
    Return a profile of *space* for pictures of 1 or 3 colour *samples* a pixel: grey; red, green, blue.

    Only HDR uses *headroom*: how many stops the brightest part of the picture is above white.
    """
    curve = _curve(space, headroom)
    if samples == 1:
        return _profile(b"GRAY", {b"kTRC": curve})
    columns = map(_xyz, _under_d50(space.primaries))
    colours = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True))
    return _profile(b"RGB ", {**colours, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


def of_three_samples(grey: bytes) -> bytes | None:
    """
    Return a profile for red, green and blue that makes of three samples alike what the profile *grey* makes of one.

    That is None if *grey* is no sound profile of a curve alone. LittleCMS reckons only 33 values of a grey profile, and
    draws straight lines between them: dark tones of linear light become half as light. A profile of three curves it
    follows exactly.
    """
    tags = _tags(grey)
    if grey[MODEL_AT] != b"GRAY" or grey[_CONNECTION_AT] != b"XYZ " or b"A2B0" in tags or b"kTRC" not in tags:
        return None
    columns = map(_xyz, _under_d50(SRGB_PRIMARIES))
    colours = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True))
    return _profile(b"RGB ", colours | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), tags[b"kTRC"]))


def _tags(profile: bytes) -> Mapping[bytes, bytes]:
    table = profile[_HEADER_BYTES + 4 :]
    count = min(int.from_bytes(profile[_HEADER_BYTES : _HEADER_BYTES + 4], "big"), len(table) // _TAG.size)
    places = (_TAG.unpack_from(table, _TAG.size * index) for index in range(count))
    return {name: profile[offset : offset + length] for name, offset, length in places}


def _curve(space: ColourSpace, headroom: float) -> bytes:
    if isinstance(space.curve, Parametric):
        curve = space.curve
        # Type 3: the power, and a straight part below `d`.
        fields = (curve.exponent, curve.a, curve.b, curve.c, curve.d)
        return b"para" + struct.pack(">4xH2x5i", 3, *map(_fixed, fields))
    last = _CURVE_VALUES - 1
    values = (shown(light_of(space.curve, index / last), headroom) for index in range(_CURVE_VALUES))
    table = struct.pack(f">{_CURVE_VALUES}H", *(round(_LARGEST * value) for value in values))
    return b"curv" + struct.pack(">4xI", _CURVE_VALUES) + table


@lru_cache(8)
def to_linear(primaries: Primaries, into: Primaries) -> Sequence[_Vector]:
    """Return the matrix, row by row, that makes light in *into* of light in *primaries*."""
    columns = [_solved(_under_d50(into), column) for column in _under_d50(primaries)]
    return list(zip(*columns, strict=True))


def _under_d50(primaries: Primaries) -> Sequence[_Vector]:
    """Return the XYZ of red, green and blue light; together they are the white of profiles."""
    colours = [_xyz_of(colour) for colour in (primaries.red, primaries.green, primaries.blue)]
    x, y, z = _xyz_of(primaries.white)
    white = (x / y, 1.0, z / y)
    amounts = _solved(colours, white)
    gains = [to / of for to, of in zip(_mixed(_BRADFORD, _D50), _mixed(_BRADFORD, white), strict=True)]
    adapted = []
    for colour, amount in zip(colours, amounts, strict=True):
        red, green, blue = (gain * amount * cone for gain, cone in zip(gains, _mixed(_BRADFORD, colour), strict=True))
        adapted.append(_solved(_BRADFORD, (red, green, blue)))
    return adapted


def _xyz_of(colour: Chromaticity) -> _Vector:
    x, y = colour
    return x, y, 1 - x - y


def _mixed(columns: Sequence[_Vector], amounts: _Vector) -> _Vector:
    x, y, z = (
        sum(part * amount for part, amount in zip(row, amounts, strict=True)) for row in zip(*columns, strict=True)
    )
    return x, y, z


def _solved(columns: Sequence[_Vector], mixture: _Vector) -> _Vector:
    """Return the amounts of *columns* whose `_mixed` is *mixture*, by Cramer's rule."""
    one, two, three = columns
    whole = _determinant(one, two, three)
    return (
        _determinant(mixture, two, three) / whole,
        _determinant(one, mixture, three) / whole,
        _determinant(one, two, mixture) / whole,
    )


def _determinant(one: _Vector, two: _Vector, three: _Vector) -> float:
    (a, b, c), (d, e, f), (g, h, i) = one, two, three
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def _profile(model: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    all_tags = {b"desc": _text("colour space"), b"cprt": _text("none"), b"wtpt": _xyz(_D50), **tags}
    start = _HEADER_BYTES + 4 + 12 * len(all_tags)
    table, body = b"", b""
    for name, content in all_tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(">I4xI4s4s4s", start + len(body), _VERSION, b"mntr", model, b"XYZ ")
    header += struct.pack(">6H4s28x", 2000, 1, 1, 0, 0, 0, b"acsp") + struct.pack(">3i", *map(_fixed, _D50))
    return header.ljust(_HEADER_BYTES, b"\0") + struct.pack(">I", len(all_tags)) + table + body


def _xyz(values: _Vector) -> bytes:
    return b"XYZ " + struct.pack(">4x3i", *map(_fixed, values))


def _text(words: str) -> bytes:
    """A text in one language (multiLocalizedUnicodeType)."""
    encoded = words.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(encoded), 28) + encoded


def _fixed(number: float) -> int:
    return max(min(round(number * _ONE), _MOST_FIXED), -_MOST_FIXED)
