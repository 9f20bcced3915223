"""Reads the coded data of a picture as one, although they lie in pieces over a file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from vignette.errors import BrokenImage
from vignette.pixels.containers.reader import Reader

_STEPS_PER_UNIT: Final = 3
_STEPS_PER_HEADER: Final = 20


@dataclass(frozen=True, slots=True)
class Extent:
    offset: int
    length: int


class CodedData:
    """The bytes of *extents*, which lie within the file, one after the other."""

    def __init__(self, reader: Reader, extents: Sequence[Extent], what: str) -> None:
        self.what = what
        self._reader = reader
        self._extents = extents
        self._ends = list(accumulate(extent.length for extent in extents))

    @property
    def length(self) -> int:
        return self._ends[-1]

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly *length* bytes, which should be few; raise `BrokenImage` if the data have fewer."""
        if offset + length > self.length:
            raise BrokenImage(f"{self.what} is cut short")
        found = b""
        index = bisect_right(self._ends, offset)
        while len(found) < length:
            self._reader.spend(1)
            extent = self._extents[index]
            within = offset + len(found) - (self._ends[index] - extent.length)
            there = min(length - len(found), extent.length - within)
            found += self._reader.read(extent.offset + within, there, self.what)
            index += 1
        return found

    def spend_unit(self) -> None:
        """Count the work of a unit that is only walked over; raise `TooMuchWork` as `Reader.spend` does."""
        self._reader.spend(_STEPS_PER_UNIT)

    def spend_header(self) -> None:
        """Count the work of a header of the decoder, read bit by bit; raise `TooMuchWork` as `Reader.spend` does."""
        self._reader.spend(_STEPS_PER_HEADER)
