"""
Estimates the memory that decoding a picture takes, from what its container says (pure).

The estimates are measured figures rounded down, so that no picture is refused that could be rendered. A picture that
takes more than its estimate meets the worker's own limit. docs/durability.md has the figures.
"""

from __future__ import annotations

from typing import Final

from vignette.errors import TooMuchMemory
from vignette.limits import MIB
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.formats import Format

# Bytes for each pixel, in decoders that hold the whole picture. They sum up all copies that exist at the same time: the
# planes of YCbCr, the RGB made of them, the copy in Pillow's layout; or the indices of a palette, and their colours.
_HELD_WHOLE: Final[dict[Format, float]] = {formats.AVIF: 9, formats.GIF: 5}

# libvips holds this many rows while it streams a picture, or all rows if there are fewer.
_STREAMED_ROWS: Final = 1000


def memory_to_decode(anatomy: Anatomy, file_bytes: int) -> int:
    """Return the least bytes that a worker takes, above its own, to decode the picture in a file of *file_bytes*."""
    match anatomy.format:
        case formats.JPEG:  # the decoder shrinks it on the way
            return anatomy.held_bytes
        case formats.BMP:  # what is not compressed is mapped, and streamed
            return anatomy.held_bytes or _streamed(anatomy)
        case formats.PNG | formats.APNG:
            return anatomy.held_bytes + _streamed(anatomy)
        case formats.HEIC | formats.HEIF:
            return anatomy.held_bytes
        case formats.WEBP:
            return file_bytes + anatomy.held_bytes
        case formats.TIFF:  # planes that are read one by one are read from a copy
            return _streamed(anatomy) + (file_bytes if anatomy.samples.are_apart else 0)
        case _:
            return max(int(anatomy.coded_pixels * _HELD_WHOLE[anatomy.format]), anatomy.held_bytes)


def check_memory(anatomy: Anatomy, file_bytes: int, limit: int) -> None:
    """
    Refuse a picture that cannot be rendered within *limit* bytes.

    Raises:
        TooMuchMemory: Decoding the picture takes more.
    """
    needed = memory_to_decode(anatomy, file_bytes)
    if needed > limit:
        raise TooMuchMemory(
            f"a {anatomy.format.name} of {anatomy.width:,} × {anatomy.height:,} pixels"
            f" needs {needed / MIB:,.1f} MiB of memory to be rendered, the limit is {limit / MIB:,.1f}",
            measured=needed,
            limit=limit,
        )


def _streamed(anatomy: Anatomy) -> int:
    return anatomy.width * min(anatomy.height, _STREAMED_ROWS) * anatomy.bits_per_pixel // 8
