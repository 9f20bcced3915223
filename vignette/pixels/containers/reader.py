"""Reads a file that may lie about itself: nothing past its end, and a little at a time."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from vignette.errors import BrokenImage
from vignette.limits import CHUNK_BYTES, KIB

# Headers lie a few bytes to a few KiB apart: one read serves many of them, and costs little for one far away.
WINDOW_BYTES: Final = 64 * KIB


class Reader:
    """
    Reads the *size* bytes of the seekable *file* by absolute offset.

    The caller has to bound lengths: a caller that asks for 1 GB gets it, if the file has it.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.size = size
        self._file = file
        self._window = b""
        self._window_start = 0

    def until(self, end: int) -> Reader:
        """Return a reader of the same file that sees nothing from byte *end* on."""
        return Reader(self._file, end)

    def require(self, offset: int, length: int, what: str) -> None:
        """Make sure that *what* lies within the file; raise `BrokenImage` if not."""
        if offset + length > self.size:
            raise BrokenImage(
                f"the file ends at byte {self.size:,}, within {what} (bytes {offset:,} to {offset + length:,})"
            )

    def read(self, offset: int, length: int, what: str) -> bytes:
        """Return exactly *length* bytes of *what*; raise `BrokenImage` if the file has fewer."""
        start = offset - self._window_start
        if start < 0 or start + length > len(self._window):
            self.require(offset, length, what)
            self._fill(offset, length)
            start = 0
            if len(self._window) < length:
                raise BrokenImage(f"the file became shorter while {what} was read")
        return self._window[start : start + length]

    def unpack(self, layout: struct.Struct, offset: int, what: str) -> tuple[Any, ...]:
        return layout.unpack(self.read(offset, layout.size, what))

    def window(self, offset: int) -> tuple[bytes, int]:
        """Return a buffer for a loop over bytes, and the index in it of *offset*, which must be in the file."""
        if not self._window_start <= offset < self._window_start + len(self._window):
            self.read(offset, 1, "the picture")
        return self._window, offset - self._window_start

    def chunks(self, offset: int, length: int, what: str) -> Iterator[bytes]:
        """Yield the bytes of *what*, in pieces of at most `limits.CHUNK_BYTES`."""
        end = offset + length
        while offset < end:
            chunk = self.read(offset, min(CHUNK_BYTES, end - offset), what)
            yield chunk
            offset += len(chunk)

    def find(self, pair: re.Pattern[bytes], offset: int) -> int | None:
        """Return where *pair*, a pattern of two bytes, first matches at or after *offset*; None if nowhere."""
        while offset + 2 <= self.size:
            self.read(offset, 2, "the picture")
            index = offset - self._window_start
            if match := pair.search(self._window, index):
                return self._window_start + match.start()
            offset = self._window_start + len(self._window) - 1  # the last byte may be the first of a pair
        return None

    def _fill(self, offset: int, length: int) -> None:
        self._file.seek(offset)
        self._window = self._file.read(min(max(length, WINDOW_BYTES), self.size - offset))
        self._window_start = offset
