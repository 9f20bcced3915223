"""
How much memory a picture needs to be decoded, reckoned from what the door sees of it (pure).

It is what each decoder was measured to take, rounded down: nothing is refused here that could have been rendered. What
takes more than is reckoned meets the limits of the worker. docs/durability.md has the figures.
"""

from __future__ import annotations

from typing import Final

from vignette.errors import TooMuchMemory
from vignette.limits import MIB
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.formats import Format

# Decoders that hold the whole picture: bytes of each pixel, of all copies that are there at once (planes of YCbCr, the
# same as RGB, the same as Pillow keeps it; the indices of a palette, and the colours).
_HELD_WHOLE: Final[dict[Format, float]] = {formats.AVIF: 9, formats.HEIC: 4.5, formats.HEIF: 4.5, formats.GIF: 5}

# Pillow keeps three colours in four bytes, and grey or the indices of a palette in one.
_BITMAP_BYTES: Final = 4
_GREY_BITMAP_BYTES: Final = 1

# libvips holds so many rows on their way, or all if there are fewer.
_STREAMED_ROWS: Final = 1000


def memory_to_decode(anatomy: Anatomy, file_bytes: int) -> int:
    """Bytes that a worker needs at least for the picture in a file of *file_bytes*, beside what it has anyway."""
    pixels = anatomy.width * anatomy.height
    match anatomy.format:
        case formats.JPEG:  # it is made smaller as it is decoded
            return anatomy.held_bytes
        case formats.BMP:
            return pixels * (_BITMAP_BYTES if anatomy.bits_per_pixel > 8 else _GREY_BITMAP_BYTES)
        case formats.PNG | formats.APNG:  # its data are put together first
            return file_bytes + anatomy.held_bytes + _streamed(anatomy)
        case formats.WEBP:
            return file_bytes + anatomy.held_bytes
        case formats.TIFF:
            return _streamed(anatomy)
        case _:
            return int(pixels * _HELD_WHOLE[anatomy.format])


def check_memory(anatomy: Anatomy, file_bytes: int, limit: int) -> None:
    """
    Refuse what cannot be rendered within *limit* bytes.

    Raises:
        TooMuchMemory: It needs more.
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
