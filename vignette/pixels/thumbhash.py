"""
ThumbHash: some 25 bytes that tell how a picture looks, shown until the picture itself is loaded.

The format is Evan Wallace's (https://evanw.github.io/thumbhash/). A hash holds the lowest frequencies of a cosine
transform of luminance, of yellow against blue, of red against green, and of alpha if the picture has any. Each
amplitude takes 4 bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul
from typing import Final

# 24 pixels of a side suffice for its seven lowest frequencies; more pixels would only take more time.
MAX_EDGE_PX: Final = 24

_LUMINANCE_TERMS: Final = 7
_LUMINANCE_TERMS_BESIDE_ALPHA: Final = 5
_COLOUR_TERMS: Final = 3
_ALPHA_TERMS: Final = 5


@dataclass(frozen=True, slots=True)
class _Channel:
    """A transformed channel. A term t, from -`scale` to `scale`, is kept in `terms` as 0.5 + t / (2 × `scale`)."""

    mean: float
    terms: list[float]
    scale: float


def mean_colour(rgba: bytes) -> tuple[float, float, float]:
    """
    Return the mean (red, green, blue), each 0 to 1, of the pixels *rgba*, which weigh by their alpha.

    The mean is black if all pixels are transparent.
    """
    alpha = rgba[3::4]
    weight = sum(alpha)
    if weight == 0:
        return (0.0, 0.0, 0.0)
    red, green, blue = (sum(map(mul, rgba[channel::4], alpha)) / weight / 255 for channel in range(3))
    return (red, green, blue)


def thumbhash(width: int, height: int, rgba: bytes) -> bytes:
    """Return the ThumbHash of *width* × *height* pixels: *rgba* has four bytes for each pixel, row by row."""
    red, green, blue, alpha = _over_the_mean(rgba)
    has_alpha = min(rgba[3::4]) < 255
    most = _LUMINANCE_TERMS_BESIDE_ALPHA if has_alpha else _LUMINANCE_TERMS
    across = max(1, _rounded(most * width / max(width, height)))
    down = max(1, _rounded(most * height / max(width, height)))
    cosines = _Cosines(width, height)
    luminance = cosines.encode([(r + g + b) / 3 for r, g, b in zip(red, green, blue, strict=True)], across, down)
    yellow_blue = cosines.encode([(r + g) / 2 - b for r, g, b in zip(red, green, blue, strict=True)])
    red_green = cosines.encode([r - g for r, g in zip(red, green, strict=True)])
    channels = [luminance, yellow_blue, red_green]
    is_landscape = width > height
    header = (
        _rounded(63 * luminance.mean)
        | _rounded(31.5 + 31.5 * yellow_blue.mean) << 6
        | _rounded(31.5 + 31.5 * red_green.mean) << 12
        | _rounded(31 * luminance.scale) << 18
        | has_alpha << 23
        | (down if is_landscape else across) << 24
        | _rounded(63 * yellow_blue.scale) << 27
        | _rounded(63 * red_green.scale) << 33
        | is_landscape << 39
    ).to_bytes(5, "little")
    if has_alpha:
        opacity = cosines.encode(alpha, _ALPHA_TERMS, _ALPHA_TERMS)
        channels.append(opacity)
        header += bytes([_rounded(15 * opacity.mean) | _rounded(15 * opacity.scale) << 4])
    return header + _packed([_rounded(15 * term) for channel in channels for term in channel.terms])


def _over_the_mean(rgba: bytes) -> tuple[list[float], list[float], list[float], list[float]]:
    """Return four channels, 0 to 1, of the pixels over their mean colour: so transparent ones add no frequency."""
    alpha = [value / 255 for value in rgba[3::4]]
    red, green, blue = (
        [mean * (1 - a) + a * value / 255 for value, a in zip(rgba[channel::4], alpha, strict=True)]
        for channel, mean in enumerate(mean_colour(rgba))
    )
    return red, green, blue, alpha


class _Cosines:
    """The cosine transform for pictures of one size: by rows, then by columns."""

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._across = _waves(width)
        self._down = _waves(height)
        self._pixels = width * height

    def encode(self, values: Sequence[float], across: int = _COLOUR_TERMS, down: int = _COLOUR_TERMS) -> _Channel:
        """Transform *values*; keep the terms below the diagonal of *across* × *down*, both raised to at least three."""
        mean, *terms = self._terms(values, max(_COLOUR_TERMS, across), max(_COLOUR_TERMS, down))
        scale = max(map(abs, terms))
        return _Channel(mean, [0.5 + 0.5 / scale * term if scale else 0.0 for term in terms], scale)

    def _terms(self, values: Sequence[float], across: int, down: int) -> Iterator[float]:
        rows = [values[start : start + self._width] for start in range(0, self._pixels, self._width)]
        by_row = [[sum(map(mul, row, wave)) for row in rows] for wave in self._across[:across]]
        for y in range(down):
            x = 0
            while x * down < across * (down - y):
                yield sum(map(mul, by_row[x], self._down[y])) / self._pixels
                x += 1


# Most pictures have one of a few shapes, so most waves were computed before.
@lru_cache(maxsize=64)
def _waves(length: int) -> list[list[float]]:
    """Return a row for each frequency: its cosine at the middle of each of *length* pixels."""
    return [
        [math.cos(math.pi / length * frequency * (at + 0.5)) for at in range(length)]
        for frequency in range(_LUMINANCE_TERMS)
    ]


def _packed(terms: Sequence[int]) -> bytes:
    """Pack two terms into each byte, the first in its lower half."""
    padded = [*terms, 0] if len(terms) % 2 else terms
    return bytes(low | high << 4 for low, high in zip(padded[::2], padded[1::2], strict=True))


def _rounded(number: float) -> int:
    """Round to the nearest whole number, halves up. Python's `round` takes halves to the even number."""
    return math.floor(number + 0.5)
