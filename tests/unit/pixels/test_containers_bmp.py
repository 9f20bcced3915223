"""What is read of a BMP, and what is none."""

from __future__ import annotations

import pytest

from tests.makers import bmp, still
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage, TooManyPixels, UnsupportedFormat
from vignette.pixels.containers.bounds import Bounds

RGB, RLE8, RLE4, BITFIELDS, JPEG_WITHIN, PNG_WITHIN = range(6)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_size_is_that_of_the_header(mode: str) -> None:
    read = anatomy(still("BMP", 45, 31, mode))

    assert (read.width, read.height, read.frames, read.orientation) == (45, 31, 1, 1)


@pytest.mark.parametrize("header", [12, 40, 52, 56, 64, 108, 124])
def test_each_version_of_the_header_is_read(header: int) -> None:
    read = anatomy(bmp(3, 2, header=header, pixels=bytes(2 * 12)))

    assert (read.width, read.height) == (3, 2)


def test_a_negative_height_says_that_the_top_row_comes_first() -> None:
    assert anatomy(bmp(3, -2, pixels=bytes(2 * 12))).height == 2


def test_a_negative_height_that_pillow_takes_for_a_positive_one_is_refused() -> None:
    rows = 1 << 24
    assert anatomy(bmp(1, -rows, 8, compression=RLE8, pixels=b"\0\1")).height == rows
    with pytest.raises(UnsupportedFormat, match="16,777,217 rows"):
        anatomy(bmp(1, -rows - 1, 8, compression=RLE8, pixels=b"\0\1"))


@pytest.mark.parametrize(
    ("bits", "compression", "row_bytes"),
    [
        (1, RGB, 4),
        (4, RGB, 8),
        (8, RGB, 12),
        (16, RGB, 20),
        (24, RGB, 28),
        (32, RGB, 36),
        (16, BITFIELDS, 20),
        (32, BITFIELDS, 36),
    ],
)
def test_rows_fill_up_to_four_bytes(bits: int, compression: int, row_bytes: int) -> None:
    whole = bmp(9, 5, bits, compression=compression, pixels=bytes(5 * row_bytes))

    padding = row_bytes - (9 * bits + 7) // 8

    assert anatomy(whole).mended is None
    assert anatomy(whole[: len(whole) - padding]).width == 9
    with pytest.raises(BrokenImage, match="within the pixels"):
        anatomy(whole[: len(whole) - padding - 1])


@pytest.mark.parametrize(("bits", "compression"), [(8, RLE8), (4, RLE4)])
def test_run_lengths_are_as_long_as_the_header_says(bits: int, compression: int) -> None:
    whole = bmp(9, 5, bits, compression=compression, pixels=b"\x09\0\0\0" * 5 + b"\0\1")

    assert anatomy(whole).width == 9
    with pytest.raises(BrokenImage, match="within the pixels"):
        anatomy(whole[:-1])


@pytest.mark.parametrize(
    ("bits", "compression"),
    [
        pytest.param(0, JPEG_WITHIN, id="a JPEG within"),
        pytest.param(0, PNG_WITHIN, id="a PNG within"),
        pytest.param(3, RGB, id="3 bits"),
        pytest.param(24, RLE8, id="run lengths of 24 bits"),
        pytest.param(24, BITFIELDS, id="masks for 24 bits"),
        pytest.param(24, 99, id="an unknown compression"),
    ],
)
def test_other_kinds_are_not_supported(bits: int, compression: int) -> None:
    with pytest.raises(UnsupportedFormat, match=f"{bits} bits per pixel in compression {compression}"):
        anatomy(bmp(9, 5, bits, compression=compression, pixels=bytes(1000)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(bmp(0, 5, pixels=b""), "0 × 5 pixels", id="no width"),
        pytest.param(bmp(-9, 5, pixels=bytes(999)), "-9 × 5 pixels", id="a negative width"),
        pytest.param(bmp(9, 5, pixels=bytes(138)), "within the pixels", id="pixels cut off"),
        pytest.param(bmp(9, 5, pixels=b"")[:30], "within the bitmap header", id="a header cut off"),
        pytest.param(
            bmp(9, 5, pixels=bytes(999)).replace(b"\x36\0\0\0\x28", b"\x10\0\0\0\x28"),
            "in its header",
            id="overlap",
        ),
    ],
)
def test_a_broken_structure_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(BrokenImage, match=words):
        anatomy(content)


def test_the_size_is_checked_before_the_rest() -> None:
    with pytest.raises(TooManyPixels):
        anatomy(bmp(2**31 - 1, -(2**31), pixels=b""), Bounds(max_pixels=100_000_000))
