"""
The file that a decoder is given to read: mended if it was damaged, without a path, and only what the pixels need.

The door has read the metadata. A fault in them would only cost the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO, Final, cast

from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers import heif_pixels, jpeg_pixels, tiff_pixels, webp_pixels
from vignette.pixels.containers.png_pixels import moving_picture, still_picture
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import Format
from vignette.pixels.pieces import Pieces, Splice

_PICTURES: Final[dict[Format, Callable[[Reader], Pieces]]] = {
    formats.JPEG: jpeg_pixels.picture,
    formats.PNG: still_picture,
    formats.APNG: still_picture,
    formats.AVIF: heif_pixels.picture,
    formats.HEIC: heif_pixels.picture,
    formats.HEIF: heif_pixels.picture,
    formats.TIFF: tiff_pixels.picture,
    formats.WEBP: webp_pixels.picture,
}


def mended_file(file: BinaryIO, size: int, anatomy: Anatomy) -> tuple[BinaryIO, int]:
    """
    Return (file, its size in bytes) with the picture of *size* bytes in *file*: another file if that was damaged.

    *file* has to stay open, and nobody else may seek in it.
    """
    if anatomy.mended is None:
        return file, size
    return cast(BinaryIO, Splice(file, anatomy.mended, closes_source=False)), anatomy.mended.size


def decoder_file(file: BinaryIO, size: int, file_format: Format, *, moving: bool = False) -> BinaryIO:
    """
    Return a file with the picture of *size* bytes in *file*, to be read from its beginning.

    *file* has to stay open, and nobody else may seek in it. Of an APNG only the still picture is returned, unless it is
    to be shown *moving*. The returned file has no `name`, because decoders put a name into their errors, which clients
    read.
    """
    if file_format in _PICTURES:
        take = moving_picture if moving and file_format in (formats.PNG, formats.APNG) else _PICTURES[file_format]
        picture = take(Reader(file, size))
        # One piece is the file itself, which a decoder may map into memory; putting pieces together takes a copy.
        if len(picture) > 1:
            return cast(BinaryIO, Splice(file, picture, closes_source=False))
    file.seek(0)
    return cast(BinaryIO, _Nameless(file))


class _Nameless:
    """Does all that *file* can do, without its name. A copy of its descriptor would do, if every file had one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        if name == "name":
            raise AttributeError(name)
        return getattr(self._file, name)
