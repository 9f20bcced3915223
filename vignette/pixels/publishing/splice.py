"""A file put together from pieces of another one and a few bytes of our own, without a copy of either."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, TypeAlias

# More than a range takes with its two numbers and its entry in a list (measured: 120), or the object around bytes (48).
_PIECE_BYTES: Final = 128


@dataclass(frozen=True, slots=True)
class _Range:
    """Bytes of the source, by offset."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


_Piece: TypeAlias = _Range | bytes


class Pieces:
    """What a new file is made of, in order."""

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []
        self.size = 0

    def copy(self, start: int, end: int) -> None:
        """Go on with the bytes of the source from offset *start* to *end*."""
        last = self.pieces[-1] if self.pieces else None
        self.size += end - start
        if isinstance(last, _Range) and last.end == start:
            self.pieces[-1] = _Range(last.start, end)
        elif end > start:
            self.pieces.append(_Range(start, end))

    def write(self, content: bytes) -> None:
        """Go on with *content*."""
        if content:
            self.size += len(content)
            self.pieces.append(content)

    @property
    def memory_bytes(self) -> int:
        """What it takes to keep this in memory, or a little less than this."""
        written = sum(len(piece) for piece in self.pieces if isinstance(piece, bytes))
        return written + _PIECE_BYTES * len(self.pieces)

    def extend(self, other: Pieces) -> None:
        self.pieces += other.pieces
        self.size += other.size


class Splice(io.RawIOBase):
    """
    The new file, for reading. It reads *source* as it is read.

    Closing it closes *source* too, unless it only *borrows* that; so does the end of its life, as with every file.
    """

    def __init__(self, source: BinaryIO, made_of: Pieces, *, borrows: bool = False) -> None:
        super().__init__()
        self.size = made_of.size
        self._source = source
        self._borrows = borrows
        self._pieces = made_of.pieces
        self._starts = []
        start = 0
        for piece in self._pieces:
            self._starts.append(start)
            start += len(piece)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill *buffer*, with less only at the end."""
        view = memoryview(buffer)
        filled = 0
        while filled < len(view) and self._at < self.size:
            content = self._next(len(view) - filled)
            if not content:
                raise OSError("the source became shorter while it was read")
            view[filled : filled + len(content)] = content
            filled += len(content)
            self._at += len(content)
        return filled

    def close(self) -> None:
        if not self.closed and not self._borrows:
            self._source.close()
        super().close()

    def _next(self, most: int) -> bytes:
        """At most *most* bytes from here on, of one piece."""
        index = bisect_right(self._starts, self._at) - 1
        piece, within = self._pieces[index], self._at - self._starts[index]
        if isinstance(piece, bytes):
            return piece[within : within + most]
        self._source.seek(piece.start + within)
        return self._source.read(min(most, len(piece) - within))
