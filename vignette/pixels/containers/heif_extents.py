"""Reads the coded data of a picture as one, although they lie in pieces over a file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from vignette.errors import BrokenImage
from vignette.pixels.containers.reader import Reader

# For all pictures of a file together: fifty for each tile of the largest grid, and a second's work.
_MAX_UNITS: Final = 200_000


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
            extent = self._extents[index]
            within = offset + len(found) - (self._ends[index] - extent.length)
            there = min(length - len(found), extent.length - within)
            found += self._reader.read(extent.offset + within, there, self.what)
            index += 1
        return found


class UnitBudget:
    """How many units the pictures of a file may be made of, all together."""

    def __init__(self) -> None:
        self._left = _MAX_UNITS

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise BrokenImage(f"the pictures of the file are made of more than {_MAX_UNITS:,} units")
