"""Reads a file that may lie about itself: nothing past its end, and a little at a time."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from vignette.errors import BrokenImage
from vignette.limits import CHUNK_BYTES, KIB

# Headers lie a few bytes to a few KiB apart: one read serves many of them. Of what lies far from the last read, most
# often a single header is wanted.
WINDOW_BYTES: Final = 64 * KIB
FAR_WINDOW_BYTES: Final = 4 * KIB

# A step takes some 2 µs. A HEIC of 100 megapixels in tiles of 256 × 256 pixels, with transparency, takes 60,000; a TIFF
# of a thousand pages 20,000.
MAX_STEPS: Final = 250_000
_STEPS_PER_JUMP: Final = 2


class TooMuchWork(BrokenImage):
    """The file asks for more work than any real one: no fault to be mended."""


class Budget:
    """What all readers of a file may do together, in steps."""

    def __init__(self) -> None:
        self._left = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Count *steps*; raise `TooMuchWork` if there are too many."""
        self._left -= steps
        if self._left < 0:
            raise TooMuchWork(f"the structure of the file takes more than {MAX_STEPS:,} steps to read")


class Reader:
    """
    Reads the *size* bytes of the seekable *file* by absolute offset.

    The caller has to bound lengths: a caller that asks for 1 GB gets it, if the file has it. A loop whose rounds the
    file decides, and that may come by the same bytes again, has to `spend` steps in each round.
    """

    def __init__(self, file: BinaryIO, size: int, budget: Budget | None = None) -> None:
        self.size = size
        self._file = file
        self._budget = budget or Budget()
        self._window = b""
        self._window_start = 0

    def until(self, end: int) -> Reader:
        """Return a reader of the same file that sees nothing from byte *end* on; both spend the same budget."""
        return Reader(self._file, end, self._budget)

    def spend(self, steps: int) -> None:
        """Count *steps* of work; raise `TooMuchWork` if the file has asked for too many."""
        self._budget.spend(steps)

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
            if length > WINDOW_BYTES:  # to keep it would double the memory of whoever asks for it
                self._file.seek(offset)
                return self._whole(self._file.read(length), length, what)
            self._fill(offset, length)
            start = 0
            self._whole(self._window, length, what)
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
        # A search goes on with the last byte of the window before.
        is_near = -1 <= offset - self._window_start - len(self._window) <= WINDOW_BYTES
        if not is_near:
            self.spend(_STEPS_PER_JUMP)
        wanted = max(length, WINDOW_BYTES if is_near else FAR_WINDOW_BYTES)
        self._file.seek(offset)
        self._window = self._file.read(min(wanted, self.size - offset))
        self._window_start = offset

    @staticmethod
    def _whole(read: bytes, length: int, what: str) -> bytes:
        if len(read) < length:
            raise BrokenImage(f"the file became shorter while {what} was read")
        return read
