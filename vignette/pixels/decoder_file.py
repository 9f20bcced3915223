"""The file that a decoder is given to read: it has no path, and of a PNG only what the pixels need."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from vignette.pixels import formats
from vignette.pixels.containers.png_pixels import still_picture
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import Format
from vignette.pixels.pieces import Splice


def decoder_file(file: BinaryIO, size: int, file_format: Format) -> BinaryIO:
    """
    Return a file with the picture of *size* bytes in *file*, to be read from its beginning.

    *file* has to stay open, and nobody else may seek in it. Of an APNG only the still picture is returned. The returned
    file has no `name`, because decoders put a name into their errors, which clients read.
    """
    if file_format in (formats.PNG, formats.APNG):
        picture = still_picture(Reader(file, size))
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
