"""
The check at the door: is a file an accepted picture, is it whole, is it within the limits, and what does it say?

The check runs on the bytes of strangers. So it calls no decoder and no third-party code: it reads the containers in
plain Python. Its memory is small and its time bounded, whatever the file holds; the door ends it if they are not.
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
    Check the picture of *size* bytes in *file*, which must be seekable; return its facts and its metadata.

    Damaged metadata is no reason to refuse a picture: the warnings of the blocks tell of it.

    Raises:
        UnsupportedFormat: The file is in no accepted format, or in a variety that we do not accept.
        BrokenImage: The picture is damaged or cut short.
        TooManyPixels: A frame has more than *max_pixels* (width times height).
        TooManyFrames: The file has more than *max_frames* frames or pages.
        TooMuchMemory: Rendering the picture takes more than *max_memory_bytes*.
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
    """
    Return all that the container says of the picture of *size* bytes in *file*.

    Raises:
        UnsupportedFormat, BrokenImage: As `inspect`.
        TooManyPixels, TooManyFrames: The picture exceeds *bounds*, which by default has no limits.
    """
    reader = Reader(file, size)
    file_format = sniff(reader.read(0, min(HEAD_BYTES, size), "the signature"))
    if file_format is None:
        raise UnsupportedFormat(f"the file is in none of the accepted formats: {_NAMES}")
    return _PARSERS[file_format](reader, bounds)
