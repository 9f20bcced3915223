"""
Directories of a TIFF file: a table of tags, and where the next one is.

They are of TIFF 6.0, section 2, or of BigTIFF, which has 64 bits where those have 32, and some more types of numbers
(BigTIFF Design, libtiff.gitlab.io/libtiff/specification/bigtiff.html).
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Final

from vignette.errors import BrokenImage
from vignette.limits import CHUNK_BYTES
from vignette.pixels.containers.reader import Reader

# TIFF and EXIF define about 200 tags for one directory; camera raws add a hundred.
MAX_ENTRIES: Final = 1000

_STEPS_PER_DIRECTORY: Final = 3
_ENTRIES_PER_STEP: Final = 2

_BIG: Final = 43
_BIG_OFFSET_BYTES: Final = 8

# Bytes of one number, by type: TIFF 6.0, 13 (IFD) of its technical note 1, and 16 to 18 of BigTIFF.
_TYPE_BYTES: Final = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
# The types that hold sizes and offsets, each with its letter in `array`.
_WHOLE_NUMBERS: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


@dataclass(frozen=True, slots=True)
class Layout:
    """The byte order of a file ("<" or ">", as in `struct`), where its first directory is, and if it is a BigTIFF."""

    order: str
    first_directory: int
    is_big: bool = False

    @classmethod
    def of(cls, reader: Reader) -> Layout:
        """Return the layout that the header tells; raise `BrokenImage` if that is cut off or unknown."""
        what = "the TIFF header"
        order = "<" if reader.read(0, 8, what).startswith(b"II") else ">"
        version, offset_bytes, zero = reader.unpack(struct.Struct(f"{order}2x3H"), 0, what)
        if version != _BIG:
            return cls(order, *reader.unpack(struct.Struct(f"{order}I"), 4, what))
        if (offset_bytes, zero) != (_BIG_OFFSET_BYTES, 0):
            raise BrokenImage(
                f"the BigTIFF has offsets of {offset_bytes:,} bytes, and {zero:,} after that; not 8 and 0"
            )
        (first_directory,) = reader.unpack(struct.Struct(f"{order}Q"), 8, what)
        return cls(order, first_directory, is_big=True)

    @property
    def header_bytes(self) -> int:
        return 16 if self.is_big else 8

    @property
    def link(self) -> struct.Struct:
        """How it is written where something is; `numbers` of this size fit into an entry."""
        return struct.Struct(self.order + ("Q" if self.is_big else "I"))

    @property
    def entry_count(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.is_big else "H"))

    @property
    def entry(self) -> struct.Struct:
        """The fields of `Entry`."""
        return struct.Struct(self.order + ("HHQ8s" if self.is_big else "HHI4s"))


@dataclass(frozen=True, slots=True)
class Entry:
    """
    A tag with `count` values of a type.

    `inline` is its last four bytes, or eight in a BigTIFF: the values, or where they are.
    """

    tag: int
    kind: int
    count: int
    inline: bytes

    @property
    def length(self) -> int:
        """The length of the values in bytes; 0 for an unknown type."""
        return self.count * _TYPE_BYTES.get(self.kind, 0)

    def place(self, layout: Layout) -> int | None:
        """Return where in the file the values are; None if they are `inline`."""
        if self.length <= len(self.inline):
            return None
        (offset,) = layout.link.unpack(self.inline)
        return int(offset)

    def first(self, reader: Reader, layout: Layout) -> int | None:
        """Return the first value; None if there is none. Raise `BrokenImage` as `numbers` does."""
        letter = _WHOLE_NUMBERS.get(self.kind)
        if letter is None or not 0 < self.count * _TYPE_BYTES[self.kind] <= len(self.inline):
            return next(self.numbers(reader, layout, 1), None)
        return int(struct.unpack_from(layout.order + letter, self.inline)[0])

    def numbers(self, reader: Reader, layout: Layout, most: int) -> Iterator[int]:
        """Yield the first *most* values, a few at a time; raise `BrokenImage` if they are no numbers, or cut off."""
        letter = _WHOLE_NUMBERS.get(self.kind)
        if letter is None:
            raise BrokenImage(f"the values of tag {self.tag} are of type {self.kind}, not numbers")
        length = min(self.count, most) * _TYPE_BYTES[self.kind]
        offset = self.place(layout)
        pieces = [self.inline[:length]] if offset is None else reader.chunks(offset, length, f"the tag {self.tag}")
        for piece in pieces:
            values = array(letter, piece)
            if (layout.order == "<") != (sys.byteorder == "little"):
                values.byteswap()
            yield from values


@dataclass(frozen=True, slots=True)
class Directory:
    """`entries` has the first entry of each tag; `repeated` tags have more. The last `next_offset` of a chain is 0."""

    offset: int
    entries: Mapping[int, Entry]
    next_offset: int
    repeated: Set[int]


def read_directory(reader: Reader, layout: Layout, offset: int) -> Directory:
    """Return the directory at *offset*; raise `BrokenImage` if not all of it is there."""
    what = f"the directory at byte {offset:,}"
    if offset < layout.header_bytes:
        raise BrokenImage(f"{what} lies within the header")
    (count,) = reader.unpack(layout.entry_count, offset, what)
    if not 0 < count <= MAX_ENTRIES:
        raise BrokenImage(f"{what} has {count:,} entries")
    reader.spend(_STEPS_PER_DIRECTORY + count // _ENTRIES_PER_STEP)
    start = offset + layout.entry_count.size
    table = reader.read(start, count * layout.entry.size, what)
    entries: dict[int, Entry] = {}
    repeated: set[int] = set()
    for fields in layout.entry.iter_unpack(table):
        if fields[0] in entries:
            repeated.add(fields[0])
        else:
            entries[fields[0]] = Entry(*fields)
    end = start + len(table)
    if end + layout.link.size > reader.size:  # writers leave the pointer out where nothing follows
        return Directory(offset, entries, 0, repeated)
    (next_offset,) = reader.unpack(layout.link, end, what)
    return Directory(offset, entries, next_offset, repeated)


assert CHUNK_BYTES % max(_TYPE_BYTES.values()) == 0  # so `numbers` never gets half a number
