"""TIFF files of every type of samples, written by hand, and the picture that each of them means."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from PIL import Image

from tests.makers import tiff, tiff_page
from tests.profiles import SRGB, rgb_profile, srgb_value
from vignette.pixels.samples import Kind

WIDTH, HEIGHT = 32, 24
_TILE = 16

_Plane: TypeAlias = Sequence[Sequence[Sequence[float]]]

MIN_IS_WHITE, GREY, RGB, PALETTE, CMYK, LAB = 0, 1, 2, 3, 5, 8
ASSOCIATED, UNASSOCIATED = 1, 2
NONE, DEFLATE = 1, 8

_LETTERS = {
    (Kind.UNSIGNED, 8): "B",
    (Kind.UNSIGNED, 16): "H",
    (Kind.UNSIGNED, 32): "I",
    (Kind.SIGNED, 8): "b",
    (Kind.SIGNED, 16): "h",
    (Kind.SIGNED, 32): "i",
    (Kind.FLOAT, 16): "e",
    (Kind.FLOAT, 32): "f",
    (Kind.FLOAT, 64): "d",
}
_FORMATS = {Kind.UNSIGNED: 1, Kind.SIGNED: 2, Kind.FLOAT: 3}


@dataclass(frozen=True)
class SampleType:
    """How the samples of a TIFF are stored. `alpha` is the value of the tag ExtraSamples; None for no alpha at all."""

    photometric: int
    bits: int
    kind: Kind = Kind.UNSIGNED
    alpha: int | None = None
    is_told: bool = True
    """Whether the tag ExtraSamples is there at all."""
    planar: bool = False
    compression: int = NONE
    tiled: bool = False
    icc: bytes | None = None
    order: str = "<"

    def __str__(self) -> str:
        names = {0: "white-is-0 grey", 1: "grey", 2: "RGB", 3: "palette", 5: "CMYK", 8: "Lab"}
        words = [f"{self.kind.value} {self.bits}", names[self.photometric]]
        if self.alpha:
            words.append({1: "associated alpha", 2: "alpha"}[self.alpha] if self.is_told else "alpha untold")
        words += ["planes"] * self.planar + ["tiles"] * self.tiled + ["ICC"] * (self.icc is not None)
        words += ["deflate"] if self.compression != 1 else []
        return " ".join(words + ["big-endian"] * (self.order == ">"))


def colour_at(x: int, y: int) -> tuple[float, float, float]:
    """The picture: red grows to the right, green downwards, blue falls to the right. From 0 (dark) to 1."""
    return x / (WIDTH - 1), y / (HEIGHT - 1), 1 - x / (WIDTH - 1)


def grey_at(x: int, y: int) -> float:
    return (x / (WIDTH - 1) + y / (HEIGHT - 1)) / 2


def alpha_at(x: int) -> float:
    """Opaque on the left, half transparent, and transparent in the last quarter."""
    return (1.0, 1.0, 0.5, 0.0)[x * 4 // WIDTH]


def meant(kind: SampleType) -> Image.Image:
    """The picture that the samples mean, in sRGB."""
    return _picture(kind.photometric in (MIN_IS_WHITE, GREY, PALETTE), kind.icc == LINEAR, bool(kind.alpha))


@cache
def _picture(is_grey: bool, is_linear: bool, has_alpha: bool) -> Image.Image:
    image = Image.new("RGBA", (WIDTH, HEIGHT))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            values = (grey_at(x, y),) * 3 if is_grey else colour_at(x, y)
            red, green, blue = (srgb_value(value) if is_linear else round(255 * value) for value in values)
            image.putpixel((x, y), (red, green, blue, round(255 * alpha_at(x)) if has_alpha else 255))
    return image


LINEAR = rgb_profile(SRGB, gamma=1.0)
"""With this profile a sample of half the highest value is a light grey: ignoring it shows."""


def written(kind: SampleType) -> bytes:
    rows = [[_pixel(kind, x, y) for x in range(WIDTH)] for y in range(HEIGHT)]
    samples = len(rows[0][0])
    planes = [[[pixel[i : i + 1] for pixel in row] for row in rows] for i in range(samples)] if kind.planar else [rows]
    pieces: list[bytes] = []
    for plane in planes:
        parts = _tiles(plane) if kind.tiled else [plane]
        pieces += [
            b"".join(_packed(kind, [value for pixel in row for value in pixel]) for row in part) for part in parts
        ]
    data = b""
    offsets: list[int] = []
    lengths: list[int] = []
    for piece in pieces:
        content = zlib.compress(piece) if kind.compression == DEFLATE else piece
        offsets.append(8 + len(data))
        lengths.append(len(content))
        data += content
    tags: dict[int, Sequence[int] | bytes] = {
        258: [kind.bits] * samples,
        259: [kind.compression],
        262: [kind.photometric],
        277: [samples],
        284: [2 if kind.planar else 1],
        339: [_FORMATS[kind.kind]] * samples,
    }
    if kind.tiled:
        tags |= {273: [], 278: [], 279: [], 322: [_TILE], 323: [_TILE], 324: offsets, 325: lengths}
    else:
        tags |= {273: offsets, 278: [HEIGHT], 279: lengths}
    if kind.alpha and kind.is_told:
        tags[338] = [kind.alpha]
    if kind.icc:
        tags[34675] = kind.icc
    if kind.photometric == PALETTE:
        entries = [round(65535 * index / (2**kind.bits - 1)) for index in range(2**kind.bits)]
        tags[320] = entries * 3
    return tiff(tiff_page(WIDTH, HEIGHT, tags), data=data, order=kind.order)


def _tiles(plane: _Plane) -> Iterator[_Plane]:
    """Cut *plane* into tiles of a fixed size, the last row over again where it ends."""
    rows = [*plane, *[plane[-1]] * (-HEIGHT % _TILE)]
    for top in range(0, HEIGHT, _TILE):
        for left in range(0, WIDTH, _TILE):
            yield [row[left : left + _TILE] for row in rows[top : top + _TILE]]


def _pixel(kind: SampleType, x: int, y: int) -> list[float]:
    alpha = alpha_at(x)
    grey = grey_at(x, y)
    match kind.photometric:
        case 0:
            values = [1 - grey]
        case 1 | 3:
            values = [grey]
        case 2:
            values = list(colour_at(x, y))
        case 5:
            values = [1 - value for value in colour_at(x, y)] + [0.0]
        case _:
            raise ValueError(kind.photometric)
    if kind.alpha == ASSOCIATED:
        values = [value * alpha for value in values]
    if kind.alpha:
        values.append(alpha)
    return [_coded(kind, value) for value in values]


def _coded(kind: SampleType, value: float) -> float:
    match kind.kind:
        case Kind.UNSIGNED:
            return round(value * (2**kind.bits - 1))
        case Kind.SIGNED:
            return round(value * (2 ** (kind.bits - 1) - 1))
        case Kind.FLOAT:
            return value


def _packed(kind: SampleType, values: Sequence[float]) -> bytes:
    letter = _LETTERS.get((kind.kind, kind.bits))
    if letter:
        return struct.pack(f"{kind.order}{len(values)}{letter}", *values)
    text = "".join(f"{int(value):0{kind.bits}b}" for value in values)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(math.ceil(len(text) / 8), "big")
