"""The limits of a parser: it stops at the first number that is over a limit."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

from vignette.errors import BrokenImage, TooManyFrames, TooManyPixels

_MEGA: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    What is allowed: `max_pixels` in one frame (width times height), `max_frames` in a file.

    Without `checksums`, the parser leaves the checksums of the pixels to the decoder, which compares them too.
    """

    max_pixels: int = sys.maxsize
    max_frames: int = sys.maxsize
    checksums: bool = True

    def check_size(self, width: int, height: int) -> None:
        """Raise `TooManyPixels`, or `BrokenImage` for a picture without any pixel."""
        if width <= 0 or height <= 0:
            raise BrokenImage(f"the picture claims to be {width:,} × {height:,} pixels")
        pixels = width * height
        if pixels > self.max_pixels:
            raise TooManyPixels(_compare(pixels, self.max_pixels), measured=pixels, limit=self.max_pixels)

    def check_frames(self, frames: int) -> None:
        """Raise `TooManyFrames` if there are too many. Counting stops here, so there may be more than *frames*."""
        if frames > self.max_frames:
            raise TooManyFrames(
                f"{frames:,} frames or more, the limit is {self.max_frames:,}",
                measured=frames,
                limit=self.max_frames,
            )


def _compare(pixels: int, limit: int) -> str:
    measured, allowed = _megapixels(pixels), _megapixels(limit)
    if measured == allowed or limit < _MEGA / 10:
        return f"{pixels:,} pixels, the limit is {limit:,}"
    return f"{measured} megapixels, the limit is {allowed}"


def _megapixels(pixels: int) -> str:
    return f"{pixels / _MEGA:,.1f}".removesuffix(".0")
