"""Directories of a TIFF file (TIFF 6.0, section 2): a table of tags, and where the next one is."""

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

_HEADER_BYTES: Final = 8

# Bytes of one number, by type: TIFF 6.0, and 13 (IFD) of its technical note 1.
_TYPE_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
# The types that hold sizes and offsets, each with its letter in `array`.
_WHOLE_NUMBERS: Final = {1: "B", 3: "H", 4: "I", 13: "I"}


@dataclass(frozen=True, slots=True)
class Layout:
    """The byte order of a file ("<" or ">", as in `struct`), and where its first directory is."""

    order: str
    first_directory: int

    @classmethod
    def of(cls, reader: Reader) -> Layout:
        head = reader.read(0, _HEADER_BYTES, "the TIFF header")
        order = "<" if head.startswith(b"II") else ">"
        return cls(order, *struct.unpack_from(f"{order}I", head, 4))


@dataclass(frozen=True, slots=True)
class Entry:
    """A tag with `count` values of a type; `inline` is its last four bytes: the values, or where they are."""

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
        (offset,) = struct.unpack(f"{layout.order}I", self.inline)
        return int(offset)

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
    if offset < _HEADER_BYTES:
        raise BrokenImage(f"{what} lies within the header")
    (count,) = reader.unpack(struct.Struct(f"{layout.order}H"), offset, what)
    if not 0 < count <= MAX_ENTRIES:
        raise BrokenImage(f"{what} has {count:,} entries")
    entry = struct.Struct(f"{layout.order}HHI4s")
    table = reader.read(offset + 2, count * entry.size, what)
    entries: dict[int, Entry] = {}
    repeated: set[int] = set()
    for fields in entry.iter_unpack(table):
        if fields[0] in entries:
            repeated.add(fields[0])
        else:
            entries[fields[0]] = Entry(*fields)
    end = offset + 2 + len(table)
    if end + 4 > reader.size:  # writers leave the pointer out where nothing follows
        return Directory(offset, entries, 0, repeated)
    (next_offset,) = reader.unpack(struct.Struct(f"{layout.order}I"), end, what)
    return Directory(offset, entries, next_offset, repeated)


assert CHUNK_BYTES % max(_TYPE_BYTES.values()) == 0  # so `numbers` never gets half a number
