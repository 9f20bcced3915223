"""
The metadata of a TIFF file as a small TIFF stream: its directories and their values, without the pictures.

A TIFF has its directories anywhere, and may be as large as an upload may be. This module copies what describes the
pictures, so that a reader of EXIF has everything at hand, in little memory. The copy of a BigTIFF is a TIFF, with
numbers of 32 bits in place of 64.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from vignette.errors import BrokenImage
from vignette.limits import CHUNK_BYTES
from vignette.pixels.containers.collector import Collector
from vignette.pixels.containers.reader import Reader
from vignette.pixels.containers.tiff_directory import Directory, Entry, Layout, read_directory

# No longer value says what a person wants to know; the largest MakerNotes are smaller.
_MAX_VALUE_BYTES: Final = CHUNK_BYTES

# Pages, and the directories that they point at.
_MAX_DIRECTORIES: Final = 1000
_MAX_DEPTH: Final = 4
_MAX_ENTRIES: Final = 32_000

_LONG: Final = 4
# LONG8, SLONG8 and IFD8 of BigTIFF: each with the type of half its size, and the letters of both in `struct`.
_HALVES: Final = {16: (_LONG, "Q", "I"), 17: (9, "q", "i"), 18: (13, "Q", "I")}
_UNKNOWN_BYTES: Final = 4
# SubIFDs, Exif, GPS, Interoperability.
_POINTERS: Final = (330, 34665, 34853, 40965)
_MAX_POINTERS: Final = 16
# XMP, IPTC, Photoshop and ICC have blocks of their own; the last two place the pieces of an old JPEG in the file.
_LEFT_OUT: Final = (700, 33723, 34377, 34675, 513, 514)


@dataclass(frozen=True, slots=True)
class _Value:
    tag: int
    kind: int
    count: int
    raw: bytes


def copy_metadata(reader: Reader, layout: Layout, collector: Collector) -> bytes:
    """Return a TIFF stream of the directories of the file; what is damaged or too long is left out, with a warning."""
    return _Copy(reader, layout, collector).run()


class _Copy:
    def __init__(self, reader: Reader, layout: Layout, collector: Collector) -> None:
        self._reader = reader
        self._layout = layout
        self._collector = collector
        self._copy = bytearray()
        self._seen: set[int] = set()
        self._entries_left = _MAX_ENTRIES

    def run(self) -> bytes:
        self._copy += {"<": b"II", ">": b"MM"}[self._layout.order] + self._pack("HI", 42, 0)
        link = 4
        offset = self._layout.first_directory
        while offset and (directory := self._read(offset)):
            start, end = self._copy_directory(directory, 0)
            self._put(link, "I", start)
            link = end
            offset = directory.next_offset
        return bytes(self._copy)

    def _read(self, offset: int) -> Directory | None:
        if offset in self._seen:
            return None
        if len(self._seen) == _MAX_DIRECTORIES:
            self._collector.warn(f"metadata of only the first {_MAX_DIRECTORIES:,} directories are read")
            return None
        self._seen.add(offset)
        try:
            directory = read_directory(self._reader, self._layout, offset)
        except BrokenImage as error:
            self._collector.warn(str(error))
            return None
        self._entries_left -= len(directory.entries)
        if self._entries_left < 0:
            self._collector.warn(f"metadata of only the first {_MAX_ENTRIES:,} tags are read")
            return None
        return directory

    def _copy_directory(self, directory: Directory, depth: int) -> tuple[int, int]:
        """Append *directory*; return where it starts, and where its pointer to the next one is."""
        values = [value for entry in directory.entries.values() if (value := self._value(entry, depth))]
        start = len(self._copy) + len(self._copy) % 2
        link = start + 2 + 12 * len(values)
        self._copy.extend(bytes(link + 4 - len(self._copy)))
        self._put(start, "H", len(values))
        for index, value in enumerate(values):
            at = start + 2 + 12 * index
            self._put(at, "HHI", value.tag, value.kind, value.count)
            if len(value.raw) <= 4:
                self._copy[at + 8 : at + 8 + len(value.raw)] = value.raw
            else:
                self._put(at + 8, "I", len(self._copy))
                self._copy += value.raw + bytes(len(value.raw) % 2)
        return start, link

    def _value(self, entry: Entry, depth: int) -> _Value | None:
        if entry.tag in _LEFT_OUT:
            return None
        if entry.tag in _POINTERS:
            return self._pointed(entry, depth)
        offset = entry.place(self._layout)
        if offset is None:
            # Nobody knows the length of an unknown type.
            raw: bytes | None = entry.inline[: entry.length or _UNKNOWN_BYTES]
        elif entry.length > _MAX_VALUE_BYTES:
            self._collector.warn(f"tag {entry.tag} of {entry.length:,} bytes is left out")
            return None
        else:
            raw = self._collector.read(self._reader, offset, entry.length, f"tag {entry.tag}")
        return None if raw is None else self._fitted(entry, raw)

    def _fitted(self, entry: Entry, raw: bytes) -> _Value | None:
        """Return *entry*, whose values are *raw*, in 32 bits; None if it has too many values, or too large ones."""
        kind, wide, narrow = _HALVES.get(entry.kind, (entry.kind, "", ""))
        try:
            if wide:
                raw = self._pack(
                    f"{entry.count}{narrow}", *struct.unpack(f"{self._layout.order}{entry.count}{wide}", raw)
                )
            self._pack("I", entry.count)
        except struct.error:
            self._collector.warn(f"tag {entry.tag} has numbers of more than 32 bits, and is left out")
            return None
        return _Value(entry.tag, kind, entry.count, raw)

    def _pointed(self, entry: Entry, depth: int) -> _Value | None:
        """Copy the directories that *entry* points at, and point at the copies."""
        try:
            offsets = list(entry.numbers(self._reader, self._layout, _MAX_POINTERS))
        except BrokenImage as error:
            self._collector.warn(str(error))
            return None
        starts = []
        for offset in offsets:
            if depth < _MAX_DEPTH and (directory := self._read(offset)):
                start, _ = self._copy_directory(directory, depth + 1)
                starts.append(start)
        return _Value(entry.tag, _LONG, len(starts), self._pack(f"{len(starts)}I", *starts)) if starts else None

    def _pack(self, layout: str, *values: int) -> bytes:
        return struct.pack(self._layout.order + layout, *values)

    def _put(self, at: int, layout: str, *values: int) -> None:
        struct.pack_into(self._layout.order + layout, self._copy, at, *values)
