"""
One table of sample types (`vignette.pixels.samples`): both engines render each type, or ask the other; none is wrong.

What no engine renders is refused at the door.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import math
import struct
import zlib
from contextlib import suppress

import pytest
from PIL import Image, ImageChops

from tests.makers import tiff, tiff_page
from tests.profiles import grey_profile, srgb_value
from tests.unit.pixels.engines.sample_types import (
    ASSOCIATED,
    CMYK,
    DEFLATE,
    GREY,
    LINEAR,
    MIN_IS_WHITE,
    PALETTE,
    RGB,
    UNASSOCIATED,
    SampleType,
    meant,
    written,
)
from tests.unit.pixels.engines.scenes import decoded
from vignette.errors import BrokenImage, UnsupportedFormat
from vignette.pixels import engines
from vignette.pixels.engines import libvips, pillow
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.samples import Kind

U, S, F = Kind.UNSIGNED, Kind.SIGNED, Kind.FLOAT

DEPTHS = [(U, bits) for bits in (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 24, 32)]
DEPTHS += [(S, 8), (S, 16), (S, 32), (F, 16), (F, 24), (F, 32), (F, 64)]

TAKEN = {
    GREY: {
        (U, 1),
        (U, 2),
        (U, 4),
        (U, 8),
        (U, 12),
        (U, 16),
        (U, 32),
        (S, 8),
        (S, 16),
        (S, 32),
        (F, 16),
        (F, 32),
        (F, 64),
    },
    RGB: {(U, 8), (U, 16), (U, 32), (S, 8), (S, 16), (S, 32), (F, 16), (F, 32), (F, 64)},
    PALETTE: {(U, 1), (U, 2), (U, 4), (U, 8)},
    CMYK: {(U, 8), (U, 16)},
}
TAKEN[MIN_IS_WHITE] = TAKEN[GREY]


def types() -> list[SampleType]:
    found = []
    for photometric, (kind, bits), alpha in itertools.product(TAKEN, DEPTHS, (None, UNASSOCIATED, ASSOCIATED)):
        if photometric == PALETTE and (bits > 8 or kind is not U):
            continue
        for is_told in (True, False) if alpha == UNASSOCIATED and photometric in (GREY, RGB) else (True,):
            found.append(SampleType(photometric, bits, kind, alpha, is_told))
    deep = [one for one in found if one.photometric == RGB and one.bits in (16, 32, 64) and one.is_told]
    found += [dataclasses.replace(one, icc=LINEAR) for one in deep]
    layouts = [one for one in found if one.is_told and one.icc is None and one.bits % 8 == 0]
    found += [dataclasses.replace(one, compression=DEFLATE, order=">") for one in layouts]
    found += [dataclasses.replace(one, order=">") for one in found if one.bits % 8 and one.icc is None]
    found += [dataclasses.replace(one, planar=True) for one in layouts]
    found += [dataclasses.replace(one, tiled=True) for one in layouts if not one.planar]
    found += [dataclasses.replace(one, tiled=True, planar=True) for one in layouts if one.photometric in (RGB, CMYK)]
    return found


def is_taken(one: SampleType) -> bool:
    if (one.kind, one.bits) not in TAKEN[one.photometric]:
        return False
    if one.alpha and one.bits not in (8, 16, 32, 64):
        return False
    if one.photometric == MIN_IS_WHITE and (one.bits == 12 or one.alpha == ASSOCIATED):
        return False
    if one.bits == 12 and one.order == ">":
        return False
    if one.planar and (one.tiled or (one.photometric in (GREY, MIN_IS_WHITE) and one.alpha)):
        return one.bits != 64 and one.alpha != ASSOCIATED
    if one.planar and one.photometric == PALETTE and one.alpha:
        return False
    if one.planar and one.photometric in (RGB, CMYK) and (one.kind, one.bits) in ((F, 16), (F, 64)):
        return False
    if one.alpha != ASSOCIATED:
        return True
    if one.photometric == RGB:
        return one.kind is F or (one.kind is U and one.bits <= 16)
    return one.kind is U and one.bits <= (16 if one.photometric == GREY else 8)


def error_of(image: Image.Image, expected: Image.Image) -> int:
    """The greatest difference of a sample; what is transparent has no colour."""
    seen, wanted = (_on_grey(one) for one in (image, expected))
    return max(high for _, high in ImageChops.difference(seen, wanted).getextrema())


def _on_grey(image: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", image.size, "grey")
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB")


def tolerance(one: SampleType) -> int:
    """What a step of the samples is in 8 bits, and some more for what is converted."""
    return 255 // (2**one.bits - 1) // 2 + 3 + 2 * (one.icc is not None)


@pytest.mark.parametrize("one", types(), ids=str)
def test_each_type_is_rendered_right_or_refused_at_the_door(one: SampleType) -> None:
    content = written(one)
    if not is_taken(one):
        with pytest.raises(UnsupportedFormat, match=rf"\b{one.bits}-bit"):
            read_anatomy(io.BytesIO(content), len(content))
        return

    by_engines = {}
    for engine in (libvips, pillow):
        with suppress(OSError, ValueError):
            by_engines[engine.__name__] = decoded(engine, content)
    by_engines["either"] = decoded(engines, content)

    for name, image in by_engines.items():
        assert error_of(image, meant(one)) <= tolerance(one), name


GREY_TYPES = [SampleType(GREY, bits, kind) for kind, bits in ((S, 16), (S, 32), (F, 16), (F, 32), (F, 64), (U, 32))]


def measured(one: SampleType, low: float, high: float, holes: dict[tuple[int, int], float] | None = None) -> bytes:
    """Heights of *low* to *high*: a slope to the right. *holes* are the values of some pixels."""
    letter = {(S, 16): "h", (S, 32): "i", (F, 16): "e", (F, 32): "f", (F, 64): "d", (U, 32): "I"}[one.kind, one.bits]
    values = [low + (high - low) * x / 31 for _ in range(24) for x in range(32)]
    for (x, y), value in (holes or {}).items():
        values[y * 32 + x] = value
    data = struct.pack(f"<768{letter}", *(values if one.kind is F else map(round, values)))
    page = {258: [one.bits], 277: [1], 279: [len(data)], 339: [{U: 1, S: 2, F: 3}[one.kind]]}
    return tiff(tiff_page(32, 24, page), data=data)


@pytest.mark.parametrize("size", [(32, 24), (16, 12)], ids=["whole", "shrunk"])
@pytest.mark.parametrize("one", GREY_TYPES, ids=str)
def test_of_heights_the_least_is_black_and_the_highest_white(one: SampleType, size: tuple[int, int]) -> None:
    low = 100 if one.kind is U else -200
    for engine in (libvips, engines):
        image = decoded(engine, measured(one, low, 1200), size)

        row = [image.getpixel((x, size[1] // 2)) for x in range(size[0])]
        assert row == sorted(row)  # type: ignore[type-var]
        assert row[0] <= 12 and row[-1] >= 243  # type: ignore[operator] # noqa: PT018


HOLES = {
    "infinite": (SampleType(GREY, 32, F), math.inf),
    "minus infinite": (SampleType(GREY, 16, F), -math.inf),
    "not a number": (SampleType(GREY, 32, F), math.nan),
    "the least float": (SampleType(GREY, 32, F), -3.4028234663852886e38),
    "-9999": (SampleType(GREY, 32, F), -9999.0),
    "the least int16": (SampleType(GREY, 16, S), -32768),
    "the least int32": (SampleType(GREY, 32, S), -(2**31)),
}


@pytest.mark.parametrize("size", [(32, 24), (16, 12)], ids=["whole", "shrunk"])
@pytest.mark.parametrize(("one", "hole"), HOLES.values(), ids=HOLES)
def test_what_was_not_measured_leaves_the_rest_as_it_is(one: SampleType, hole: float, size: tuple[int, int]) -> None:
    holes = {(x, y): hole for x in range(6) for y in range(6)}
    whole, holed = (decoded(engines, measured(one, -200, 1200, there), size) for there in ({}, holes))

    rest = (size[0] // 2, 0, *size)
    assert error_of(holed.crop(rest), whole.crop(rest)) <= 12


def test_the_number_that_stands_for_no_data_may_be_told() -> None:
    one = SampleType(GREY, 32, F)
    content = measured(one, 0, 900, {(0, 0): 77777.0})
    told = measured(one, 0, 900, {(0, 0): 77777.0})
    assert decoded(engines, content).getpixel((31, 0)) < 20  # type: ignore[operator]

    data = told[8 : 8 + 768 * 4]
    page = {258: [32], 277: [1], 279: [len(data)], 339: [3], 42113: b"77777\0"}
    image = decoded(engines, tiff(tiff_page(32, 24, page), data=data))

    assert image.getpixel((31, 0)) == 255


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_colour_that_is_no_number_is_the_nearest_one_that_is(value: float) -> None:
    data = struct.pack("<6f", value, 0.5, 0.5, 0.25, 0.5, 0.75)
    page = {258: [32] * 3, 262: [2], 277: [3], 279: [24], 339: [3] * 3}

    image = decoded(engines, tiff(tiff_page(2, 1, page), data=data))

    assert image.getpixel((0, 0)) == (255 if value > 0 else 0, 128, 128)
    assert image.getpixel((1, 0)) == (64, 128, 191)


@pytest.mark.parametrize("one", [SampleType(GREY, 16, S), SampleType(GREY, 32, F), SampleType(GREY, 32, U)], ids=str)
def test_a_grey_profile_says_that_it_is_a_picture(one: SampleType) -> None:
    """A slope from black to a tenth of white."""
    letter, top = {(S, 16): ("h", 32767), (F, 32): ("f", 1.0), (U, 32): ("I", 2**32 - 1)}[one.kind, one.bits]
    values = [top * x / 310 for x in range(32)]
    data = struct.pack(f"<32{letter}", *(values if one.kind is F else map(round, values)))
    page = {258: [one.bits], 277: [1], 279: [len(data)], 339: [{U: 1, S: 2, F: 3}[one.kind]], 34675: grey_profile(1.0)}

    image = decoded(engines, tiff(tiff_page(32, 1, page), data=data))

    assert image.getpixel((31, 0)) == pytest.approx(srgb_value(0.1), abs=2)


def test_samples_of_several_depths_or_kinds_are_refused() -> None:
    for tags, words in (({258: [5, 6, 5]}, "5, 6, 5 bits"), ({258: [8] * 3, 339: [1, 2, 1]}, "formats 1, 2, 1")):
        content = tiff(tiff_page(4, 3, {262: [2], 277: [3], 279: [36], **tags}), data=bytes(36))
        with pytest.raises(UnsupportedFormat, match=words):
            read_anatomy(io.BytesIO(content), len(content))


@pytest.mark.parametrize("predictor", [2, 3])
def test_samples_of_64_bits_that_are_stored_as_differences_are_refused(predictor: int) -> None:
    content = tiff(tiff_page(4, 3, {258: [64], 277: [1], 279: [96], 317: [predictor], 339: [3]}), data=bytes(96))

    with pytest.raises(UnsupportedFormat, match="64-bit grey samples stored as differences"):
        read_anatomy(io.BytesIO(content), len(content))


def test_metadata_cost_no_picture_of_64_bits() -> None:
    values = [x / 31 for _ in range(24) for x in range(32)]
    data = struct.pack(">768d", *values)
    page = {258: [64], 262: [1], 273: [16], 277: [1], 279: [len(data)], 339: [3], 270: b"a text\0", 305: b"numpy\0"}
    content = tiff(tiff_page(32, 24, page), data=data, order=">", is_big=True)

    assert [decoded(engines, content).getpixel((x, 5)) for x in (0, 15, 31)] == [0, 123, 255]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_big", [False, True], ids=["TIFF", "BigTIFF"])
def test_planes_in_tiles_behind_the_alpha_are_left_out(order: str, is_big: bool) -> None:
    values = (10_000, 20_000, 30_000, 65_535, 12_345)
    data = b"".join(struct.pack(f"{order}H", value) * 256 * 2 for value in values)
    start = 16 if is_big else 8
    tiles = {322: [16], 323: [16], 324: [start + 512 * index for index in range(10)], 325: [512] * 10}
    page = {258: [16] * 5, 262: [2], 277: [5], 284: [2], 338: [2, 0], 273: [], 278: [], 279: [], **tiles}
    content = tiff(tiff_page(20, 10, page), data=data, order=order, is_big=is_big)

    image = decoded(engines, content)

    assert image.mode == "RGBA"
    assert set(image.get_flattened_data()) == {(39, 78, 117, 255)}


def test_planes_in_tiles_of_which_one_is_damaged_are_no_picture() -> None:
    data = b"".join(zlib.compress(bytes(256)) for _ in range(3))
    length = len(data) // 3
    tiles = {322: [16], 323: [16], 324: [8 + length * index for index in range(3)], 325: [length] * 3}
    page = {258: [8] * 3, 259: [8], 262: [2], 277: [3], 284: [2], 273: [], 278: [], 279: [], **tiles}
    sound = tiff(tiff_page(16, 16, page), data=data)
    damaged = tiff(tiff_page(16, 16, page), data=data[: 2 * length + 2] + b"\7" + data[2 * length + 3 :])

    assert decoded(engines, sound).size == (16, 16)
    with pytest.raises((OSError, BrokenImage)):
        decoded(engines, damaged)
