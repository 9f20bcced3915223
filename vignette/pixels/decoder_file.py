"""What a decoder is given to read: no path, and of a PNG only what its pixels need."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, BinaryIO, cast

from vignette.pixels import formats
from vignette.pixels.containers.png_pixels import Segment, moving_picture, still_picture
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import Format


def decoder_file(file: BinaryIO, size: int, file_format: Format, *, moving: bool = False) -> BinaryIO:
    """
    The picture of *size* bytes in *file*, at its beginning; *file* has to stay open, and nobody else may move it.

    Of an APNG it is the still picture, unless it is to be shown *moving*.

    It has no `name`: decoders put that into their errors, which go out.
    """
    if file_format in (formats.PNG, formats.APNG):
        segments = (moving_picture if moving else still_picture)(Reader(file, size))
        # In one piece it is the file itself, which a decoder may map; to put pieces together takes a copy.
        if len(segments) > 1:
            return cast(BinaryIO, Segments(file, segments))
    file.seek(0)
    return cast(BinaryIO, _Nameless(file))


class Segments(io.RawIOBase):
    """The *segments* of *file* behind each other, as one file to read; nothing of them is held."""

    def __init__(self, file: BinaryIO, segments: Sequence[Segment]) -> None:
        super().__init__()
        self._file = cast(io.BufferedIOBase, file)
        self._segments = segments
        self._ends = list(accumulate(segment.length for segment in segments))
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1]}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._ends[-1] - self._at)
        buffer = bytearray(left if size is None or size < 0 else min(size, left))
        del buffer[self.readinto(buffer) :]
        return bytes(buffer)

    def readinto(self, buffer: Any) -> int:
        """As many bytes as there is room for, if they are there: decoders take fewer for the end."""
        view = memoryview(buffer).cast("B")
        count = 0
        while count < len(view) and (more := self._read_within_segment(view[count:])):
            count += more
        return count

    def _read_within_segment(self, view: memoryview) -> int:
        index = bisect_right(self._ends, self._at)
        if index == len(self._ends):
            return 0
        left = self._ends[index] - self._at
        segment = self._segments[index]
        self._file.seek(segment.offset + segment.length - left)
        count = self._file.readinto(view[:left])
        self._at += count
        return count


class _Nameless:
    """All that *file* can do; a copy of its descriptor would serve as well, if every file had one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        if name == "name":
            raise AttributeError(name)
        return getattr(self._file, name)
