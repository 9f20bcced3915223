"""What a decoder is given to read: no path, and of a PNG only what its pixels need."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from vignette.pixels import formats
from vignette.pixels.containers.png_pixels import moving_picture, still_picture
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import Format
from vignette.pixels.pieces import Splice


def decoder_file(file: BinaryIO, size: int, file_format: Format, *, moving: bool = False) -> BinaryIO:
    """
    The picture of *size* bytes in *file*, at its beginning; *file* has to stay open, and nobody else may move it.

    Of an APNG it is the still picture, unless it is to be shown *moving*.

    It has no `name`: decoders put that into their errors, which go out.
    """
    if file_format in (formats.PNG, formats.APNG):
        picture = (moving_picture if moving else still_picture)(Reader(file, size))
        # In one piece it is the file itself, which a decoder may map; to put pieces together takes a copy.
        if len(picture) > 1:
            return cast(BinaryIO, Splice(file, picture, closes_source=False))
    file.seek(0)
    return cast(BinaryIO, _Nameless(file))


class _Nameless:
    """All that *file* can do; a copy of its descriptor would serve as well, if every file had one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        if name == "name":
            raise AttributeError(name)
        return getattr(self._file, name)
