"""
The check at the door: whether a file is an accepted picture, whole and within the limits, and what it says of itself.

It runs in the web process, on bytes of strangers, so it runs no decoder and no foreign code: the containers are read in
plain Python, in little memory and bounded time, whatever the file is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import BinaryIO, Final

from vignette.errors import UnsupportedFormat
from vignette.model import ImageFacts
from vignette.pixels.anatomy import Anatomy, MetadataBlocks
from vignette.pixels.containers import bmp, gif, isobmff, jpeg, png, tiff, webp
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import (
    ACCEPTED_FORMATS,
    APNG,
    AVIF,
    BMP,
    GIF,
    HEAD_BYTES,
    HEIC,
    HEIF,
    JPEG,
    PNG,
    TIFF,
    WEBP,
    Format,
    sniff,
)
from vignette.pixels.memory import check_memory

_PARSERS: Final[dict[Format, Callable[[Reader, Bounds], Anatomy]]] = {
    JPEG: jpeg.parse,
    PNG: png.parse,
    APNG: png.parse,
    GIF: gif.parse,
    WEBP: webp.parse,
    AVIF: isobmff.parse,
    HEIC: isobmff.parse,
    HEIF: isobmff.parse,
    TIFF: tiff.parse,
    BMP: bmp.parse,
}

_NAMES: Final = ", ".join(accepted.name for accepted in ACCEPTED_FORMATS)


def inspect(
    file: BinaryIO, size: int, *, max_pixels: int, max_frames: int, max_memory_bytes: int = sys.maxsize
) -> tuple[ImageFacts, MetadataBlocks]:
    """
    Check the picture of *size* bytes in *file*, which must be seekable; say what it is, and what is in it.

    Damage to metadata refuses nothing; it is told in the blocks' warnings.

    Raises:
        UnsupportedFormat: It is in no accepted format, or in a variety of one that is not.
        BrokenImage: It is damaged, or not whole.
        TooManyPixels: Width times height of a frame is over *max_pixels*.
        TooManyFrames: It has more than *max_frames* frames or pages.
        TooMuchMemory: To render it takes more than *max_memory_bytes*.
    """
    anatomy = read_anatomy(file, size, Bounds(max_pixels, max_frames))
    check_memory(anatomy, size, max_memory_bytes)
    width, height = anatomy.upright_size
    facts = ImageFacts(
        media_type=anatomy.format.media_type,
        extension=anatomy.format.extension,
        width=width,
        height=height,
        frames=anatomy.frames,
    )
    return facts, anatomy.blocks


def read_anatomy(file: BinaryIO, size: int, bounds: Bounds = Bounds()) -> Anatomy:  # noqa: B008 (it is frozen)
    """As `inspect`, with everything that the container says; without limits unless *bounds* sets some."""
    reader = Reader(file, size)
    file_format = sniff(reader.read(0, min(HEAD_BYTES, size), "the signature"))
    if file_format is None:
        raise UnsupportedFormat(f"the file is in none of the accepted formats: {_NAMES}")
    return _PARSERS[file_format](reader, bounds)
