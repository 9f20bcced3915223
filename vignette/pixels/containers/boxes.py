"""Boxes of the ISO base media file format (ISO/IEC 14496-12, section 4), which HEIF and AVIF are made of."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from vignette.errors import BrokenImage
from vignette.limits import MIB
from vignette.pixels.containers.reader import Reader

# The longest lists are of items and of samples, and have limits of their own.
MAX_CHILDREN: Final = 10_000

# The longest table that is read whole: 50,000 samples of a film, a hundred times the items of a real picture.
_MAX_TABLE_BYTES: Final = 1 * MIB

_HEADER: Final = struct.Struct(">I4s")
_LARGE_SIZE: Final = struct.Struct(">Q")
_TO_THE_END, _IS_LARGE = 0, 1

_STEPS_PER_BOX: Final = 2


@dataclass(frozen=True, slots=True)
class Box:
    """A box by its type; `start` and `end` are the offsets of its content in the file."""

    kind: bytes
    start: int
    end: int

    @property
    def what(self) -> str:
        return f"the box {self.kind.decode('latin-1')!r} with its content at byte {self.start:,}"


def read_box(reader: Reader, offset: int, end: int) -> Box:
    """Return the box at *offset*; raise `BrokenImage` if it goes over *end*."""
    reader.spend(_STEPS_PER_BOX)
    what = f"a box at byte {offset:,}"
    size, kind = reader.unpack(_HEADER, offset, what)
    start = offset + _HEADER.size
    if size == _IS_LARGE:
        (size,) = reader.unpack(_LARGE_SIZE, start, what)
        start += _LARGE_SIZE.size
    elif size == _TO_THE_END:
        size = end - offset
    box = Box(kind, start, offset + size)
    if box.end < box.start or box.end > end:
        raise BrokenImage(f"{box.what} claims {size:,} bytes, but what holds it ends at byte {end:,}")
    return box


def children(reader: Reader, parent: Box, skip: int = 0) -> Iterator[Box]:
    """Yield the boxes in *parent* after *skip* bytes; raise `BrokenImage` if they do not fit in it, or are too many."""
    offset = parent.start + skip
    for _ in range(MAX_CHILDREN):
        if offset + _HEADER.size > parent.end:
            return
        box = read_box(reader, offset, parent.end)
        yield box
        offset = box.end
    raise BrokenImage(f"{parent.what} holds more than {MAX_CHILDREN:,} boxes")


def first_children(reader: Reader, parent: Box, skip: int = 0) -> dict[bytes, Box]:
    """Return the first box of each type in *parent*."""
    found: dict[bytes, Box] = {}
    for box in children(reader, parent, skip):
        found.setdefault(box.kind, box)
    return found


def follow(reader: Reader, parent: Box, *path: bytes) -> Box | None:
    """Return the box at the end of *path*, the first of its type at each step; None if there is none."""
    box: Box | None = parent
    for kind in path:
        box = None if box is None else first_children(reader, box).get(kind)
    return box


def unpack(reader: Reader, layout: struct.Struct, box: Box, skip: int = 0) -> tuple[Any, ...]:
    """Return the fields after *skip* bytes of *box*; raise `BrokenImage` if it is too short for them."""
    if box.start + skip + layout.size > box.end:
        raise BrokenImage(f"{box.what} is {box.end - box.start:,} bytes long")
    return reader.unpack(layout, box.start + skip, box.what)


class Fields:
    """The content of *box*, field by field; raises `BrokenImage` if a field goes over its end."""

    def __init__(self, reader: Reader, box: Box) -> None:
        length = box.end - box.start
        if length > _MAX_TABLE_BYTES:
            raise BrokenImage(f"{box.what} is {length:,} bytes long")
        self._content = reader.read(box.start, length, box.what)
        self._box = box
        self._offset = 0

    def number(self, length: int) -> int:
        """Return the next *length* bytes as an unsigned number."""
        return int.from_bytes(self.take(length), "big")

    def take(self, length: int) -> bytes:
        end = self._offset + length
        if end > len(self._content):
            raise BrokenImage(f"{self._box.what} is cut short")
        taken = self._content[self._offset : end]
        self._offset = end
        return taken

    def string(self) -> bytes:
        """Return the bytes up to a zero, or to the end."""
        end = self._content.find(b"\0", self._offset)
        taken = self._content[self._offset : end if end >= 0 else len(self._content)]
        self._offset += len(taken) + 1
        return taken

    def version_and_flags(self) -> tuple[int, int]:
        """Return the version and the flags of a full box."""
        return self.number(1), self.number(3)
