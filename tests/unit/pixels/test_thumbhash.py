"""A ThumbHash decodes to what the picture looks like; the decoder here follows the format's own description."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.makers import picture
from vignette.pixels.thumbhash import MAX_EDGE_PX, mean_colour, thumbhash

Pixel = tuple[float, float, float, float]


def decode(hashed: bytes, width: int, height: int) -> list[Pixel]:
    """Red, green, blue and alpha, 0 to 1, of *width* × *height* pixels."""
    header = int.from_bytes(hashed[:5], "little")
    has_alpha, is_landscape = bool(header >> 23 & 1), bool(header >> 39 & 1)
    most, least = (5 if has_alpha else 7), header >> 24 & 7
    across, down = (most, least) if is_landscape else (least, most)
    nibbles = iter([nibble for byte in hashed[6 if has_alpha else 5 :] for nibble in (byte & 15, byte >> 4)])
    channels = [
        Channel((header & 63) / 63, (header >> 18 & 31) / 31, max(3, across), max(3, down), nibbles),
        Channel((header >> 6 & 63) / 31.5 - 1, (header >> 27 & 63) / 63, 3, 3, nibbles),
        Channel((header >> 12 & 63) / 31.5 - 1, (header >> 33 & 63) / 63, 3, 3, nibbles),
    ]
    if has_alpha:
        channels.append(Channel((hashed[5] & 15) / 15, (hashed[5] >> 4) / 15, 5, 5, nibbles))
    pixels = []
    for y in range(height):
        for x in range(width):
            luminance, yellow, red_green, *alpha = (
                channel.at((x + 0.5) / width, (y + 0.5) / height) for channel in channels
            )
            blue = luminance - 2 / 3 * yellow
            red = (3 * luminance - blue + red_green) / 2
            pixels.append((red, red - red_green, blue, alpha[0] if alpha else 1.0))
    return pixels


class Channel:
    def __init__(self, mean: float, scale: float, across: int, down: int, nibbles: Iterator[int]) -> None:
        self.mean = mean
        self.terms = [
            (x, y, (next(nibbles) / 7.5 - 1) * scale)
            for y in range(down)
            for x in range(across)
            if (x or y) and x * down < across * (down - y)
        ]

    def at(self, x: float, y: float) -> float:
        waves = (term * math.cos(math.pi * x * fx) * math.cos(math.pi * y * fy) for fx, fy, term in self.terms)
        return self.mean + 2 * sum(waves)


def flat(colour: tuple[int, int, int, int], width: int = 8, height: int = 6) -> bytes:
    return bytes(colour) * (width * height)


@pytest.mark.parametrize(
    "colour",
    [(0, 0, 0, 255), (255, 255, 255, 255), (255, 0, 0, 255), (0, 128, 255, 255), (90, 90, 90, 255), (200, 60, 20, 128)],
    ids=str,
)
def test_one_colour_comes_back(colour: tuple[int, int, int, int]) -> None:
    pixels = decode(thumbhash(8, 6, flat(colour)), 8, 6)

    # The constants have 6 bits each, alpha has 4.
    for pixel in pixels:
        assert pixel == pytest.approx([value / 255 for value in colour], abs=1 / 16)


@pytest.mark.parametrize(("width", "height"), [(24, 24), (24, 13), (9, 24)])
def test_a_picture_comes_back_in_its_broad_lines(width: int, height: int) -> None:
    ramp = Image.linear_gradient("L").rotate(90).resize((width, height))
    stored = [value / 255 for value in ramp.tobytes()]

    pixels = decode(thumbhash(width, height, ramp.convert("RGBA").tobytes()), width, height)

    mean = sum(stored) / len(stored)
    error = sum(abs(pixel[0] - value) for pixel, value in zip(pixels, stored, strict=True))
    assert error < 0.4 * sum(abs(mean - value) for value in stored)


def test_transparency_comes_back_and_hides_its_colour() -> None:
    half = bytes((255, 255, 255, 0)) * 8 + bytes((200, 0, 0, 255)) * 8
    pixels = decode(thumbhash(16, 16, half * 16), 16, 16)

    assert pixels[1][3] == pytest.approx(0, abs=0.2)
    assert pixels[14][3] == pytest.approx(1, abs=0.2)
    assert pixels[14][:3] == pytest.approx((200 / 255, 0, 0), abs=0.1)


def test_hashes_are_those_of_the_published_implementation() -> None:
    """Both were made by version 0.1.1 of its package for JavaScript."""
    opaque = picture(23, 17, shift=9).convert("RGBA")
    clear = picture(12, 20).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize((12, 20)))

    assert thumbhash(23, 17, opaque.tobytes()).hex() == "92170a1d8e6077878079889687788787fe5f0ff788"
    assert thumbhash(12, 20, clear.tobytes()).hex() == "d177851b063770c2c877988f2927f82a78887088877878"


@given(width=st.integers(1, MAX_EDGE_PX), height=st.integers(1, MAX_EDGE_PX), seed=st.binary(min_size=4, max_size=64))
def test_every_picture_has_a_short_hash(width: int, height: int, seed: bytes) -> None:
    pixels = (seed * (width * height * 4 // len(seed) + 1))[: width * height * 4]

    hashed = thumbhash(width, height, pixels)

    assert 14 <= len(hashed) <= 25
    assert len(decode(hashed, 4, 4)) == 16


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        pytest.param(bytes((255, 0, 0, 255, 0, 0, 255, 255)), (0.5, 0, 0.5), id="two colours"),
        pytest.param(bytes((255, 0, 0, 255, 0, 0, 255, 0)), (1, 0, 0), id="what is not seen does not count"),
        pytest.param(bytes((255, 255, 255, 0)), (0, 0, 0), id="nothing to see"),
    ],
)
def test_the_mean_colour_weighs_by_alpha(pixels: bytes, expected: tuple[float, float, float]) -> None:
    assert mean_colour(pixels) == pytest.approx(expected)
