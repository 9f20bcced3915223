"""A file put together from pieces of another one and a few bytes of our own, without a copy of either."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, BinaryIO, Final, TypeAlias, cast

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
    """What a new file is made of, in order. Ranges of the source that follow each other are one piece."""

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []
        self.size = 0

    def __len__(self) -> int:
        return len(self.pieces)

    def copy(self, start: int, end: int) -> None:
        """Append the bytes of the source from offset *start* to *end*."""
        last = self.pieces[-1] if self.pieces else None
        self.size += end - start
        if isinstance(last, _Range) and last.end == start:
            self.pieces[-1] = _Range(last.start, end)
        elif end > start:
            self.pieces.append(_Range(start, end))

    def write(self, content: bytes) -> None:
        """Append *content*."""
        if content:
            self.size += len(content)
            self.pieces.append(content)

    @property
    def memory_bytes(self) -> int:
        """How many bytes of memory this takes at most; in fact it takes a little less."""
        written = sum(len(piece) for piece in self.pieces if isinstance(piece, bytes))
        return written + _PIECE_BYTES * len(self.pieces)

    def within(self, source: Pieces) -> Pieces:
        """Return the same file, made of what *source* is made of, where this one is made of *source*."""
        made = Pieces()
        ends = list(accumulate(map(len, source.pieces)))
        for piece in self.pieces:
            if isinstance(piece, bytes):
                made.write(piece)
                continue
            index, at = bisect_right(ends, piece.start), piece.start
            while at < piece.end:
                inner, begin = source.pieces[index], ends[index] - len(source.pieces[index])
                to = min(piece.end, ends[index])
                if isinstance(inner, bytes):
                    made.write(inner[at - begin : to - begin])
                else:
                    made.copy(inner.start + at - begin, inner.start + to - begin)
                index, at = index + 1, to
        return made

    def extend(self, other: Pieces) -> None:
        self.pieces += other.pieces
        self.size += other.size


def put_together(pieces: Iterable[tuple[int, int] | bytes], source_bytes: int) -> Pieces:
    """
    Return the file that is made of ranges (start, end) of a source of *source_bytes*, and of bytes.

    Raises:
        ValueError: A piece is empty or outside the source, or the ranges are longer than the source together.
    """
    made = Pieces()
    copied_bytes = 0
    for piece in pieces:
        if isinstance(piece, bytes):
            made.write(piece)
            continue
        start, end = piece
        if not 0 <= start < end <= source_bytes:
            raise ValueError(f"a range from {start} to {end} is not within {source_bytes} bytes")
        made.copy(start, end)
        copied_bytes += end - start
    if copied_bytes > source_bytes:
        raise ValueError(f"the ranges have {copied_bytes} bytes of {source_bytes} together")
    return made


class Splice(io.RawIOBase):
    """
    The new file, for reading. It reads from *source* while it is read, so nobody else may seek in *source* meanwhile.

    With *closes_source*, it closes *source* when it is closed itself, or forgotten.
    """

    def __init__(self, source: BinaryIO, made_of: Pieces, *, closes_source: bool) -> None:
        super().__init__()
        self.size = made_of.size
        self._source = cast(io.BufferedIOBase, source)
        self._closes_source = closes_source
        self._pieces = made_of.pieces
        self._ends = list(accumulate(map(len, self._pieces)))
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

    def read(self, size: int | None = -1) -> bytes:
        # The `read` of RawIOBase would read a whole file in small steps.
        left = max(0, self.size - self._at)
        buffer = bytearray(left if size is None or size < 0 else min(size, left))
        self.readinto(buffer)
        return bytes(buffer)

    def readinto(self, buffer: Any) -> int:
        """Fill *buffer* wholly unless the file ends: decoders take a read of fewer bytes for the end."""
        view = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(view) and self._at < self.size:
            count = self._read_within_piece(view[filled:])
            if not count:
                raise OSError("the source became shorter while it was read")
            filled += count
            self._at += count
        return filled

    def close(self) -> None:
        if self._closes_source and not self.closed:
            self._source.close()
        super().close()

    def _read_within_piece(self, view: memoryview) -> int:
        index = bisect_right(self._ends, self._at)
        piece, left = self._pieces[index], self._ends[index] - self._at
        start = len(piece) - left
        if isinstance(piece, bytes):
            count = min(len(view), left)
            view[:count] = piece[start : start + count]
            return count
        self._source.seek(piece.start + start)
        return self._source.readinto(view[:left])
