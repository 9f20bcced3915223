"""
Reads a TIFF stream: EXIF as cameras write it, or the directories of a whole TIFF file (TIFF 6.0; EXIF 3.0).

Whoever wrote the stream may mean harm. Each directory is read once, so a circle of directories ends. Values are copied
while together they are no longer than the stream (an honest writer lets no two overlap) and than `MAX_VALUES_BYTES`,
with `SHARED_VALUES_BYTES` to spare.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from vignette.limits import KIB, MIB
from vignette.pixels.metadata import tags, values
from vignette.pixels.metadata.exif_values import TYPES, Entry, ValueReader
from vignette.pixels.metadata.makers.note import Note
from vignette.pixels.metadata.remarks import Remarks
from vignette.pixels.metadata.values import Fields, UniqueNames

# A TIFF may have a directory for each page, and a few more below each. Faxes of hundreds of pages exist.
MAX_DIRECTORIES: Final = 1024
# Real directories lie two deep: SubIFDs, or Exif and Interop. Each level makes their names longer.
MAX_DEPTH: Final = 8
# Cameras write about a hundred entries. A TIFF of a thousand pages has some twenty for each.
MAX_ENTRIES: Final = 32_768
# Some writers store equal small values only once. Such sharing is no attack yet, so this much of it is allowed.
SHARED_VALUES_BYTES: Final = 64 * KIB
# The MakerNotes and previews of cameras are smaller, and the EXIF of a JPEG has at most 64 KiB.
MAX_VALUE_BYTES: Final = 256 * KIB
MAX_VALUES_BYTES: Final = 2 * MIB

_ORDERS: Final = {b"II": "<", b"MM": ">"}
_HEADER_BYTES: Final = 8
_COUNT_BYTES: Final = 2
_ENTRY_BYTES: Final = 12
_OFFSET_BYTES: Final = 4

_NAMES: Final = {"GPS": tags.GPS_TAGS, "Interop": tags.INTEROPERABILITY_TAGS}


@dataclass(frozen=True, slots=True)
class _Place:
    """A directory that is still to be read: the name to give it, its offset in the stream, the names of its tags."""

    name: str
    offset: int
    names: Mapping[int, str] = field(default_factory=lambda: tags.TAGS)
    page: int | None = None
    """The directory's number in the chain IFD0, IFD1 …; None if a tag points at it."""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Exif:
    """
    The values of each directory by the name of the directory: IFD0, Exif, GPS, Interop, SubIFD0 …, IFD1 …

    `maker_note` is where the first maker's note lies.
    """

    directories: dict[str, Fields] = field(default_factory=dict)
    maker_note: Note | None = None


def read(stream: bytes, remarks: Remarks) -> Exif:
    """Return what can be read of *stream*; *remarks* tells what cannot."""
    order = _ORDERS.get(stream[:2])
    if order is None or len(stream) < _HEADER_BYTES:
        remarks.add("EXIF: this is no TIFF stream")
        return Exif()
    return _Reader(stream, order, remarks).read()


class _Reader:
    """Reads the directories of one stream, in the byte *order* "<" or ">", as in `struct`."""

    def __init__(self, stream: bytes, order: str, remarks: Remarks) -> None:
        self._stream = memoryview(stream)
        self._order = order
        self._remarks = remarks
        self._directories = UniqueNames()
        version, first = struct.unpack_from(f"{order}HI", stream, 2)
        if version != 42:
            remarks.add(f"EXIF: the version in the header is {version}, not 42")
        self._queue = deque([_Place("IFD0", first, page=0)])
        self._seen: set[int] = set()
        self._entries_left = MAX_ENTRIES
        self._bytes_left = min(len(stream), MAX_VALUES_BYTES) + SHARED_VALUES_BYTES
        self._values = ValueReader(order)
        self._note: tuple[int, int] | None = None

    def read(self) -> Exif:
        while self._queue:
            place = self._queue.popleft()
            if place.offset in self._seen:
                self._remarks.add(f"EXIF: {place.name} is a directory that was read before")
            elif len(self._seen) == MAX_DIRECTORIES:
                self._remarks.add(f"EXIF: only the first {MAX_DIRECTORIES} directories are read")
                break
            else:
                self._seen.add(place.offset)
                self._read_directory(place)
        directories = {name: fields for name, fields in self._directories.fields.items() if fields}
        return Exif(directories, self._maker_note(directories.get("IFD0", {})))

    def _maker_note(self, ifd0: Mapping[str, Any]) -> Note | None:
        if self._note is None:
            return None
        make, model = (text if isinstance(text, str) else "" for text in (ifd0.get("Make"), ifd0.get("Model")))
        offset, length = self._note
        return Note(self._stream, offset, length, self._order, make.strip(), model.strip())

    def _read_directory(self, place: _Place) -> None:
        entries = self._entries(place)
        if entries is None:
            self._remarks.add(f"EXIF: {place.name} lies outside of the block, at {place.offset}")
            return
        named = UniqueNames()
        within: list[_Place] = []
        for entry in entries:
            value = self._values.read(entry)
            pointed = self._pointed(place, entry.name, value)
            if pointed:
                within += pointed
            elif not named.put(entry.name, value):
                self._remarks.add(f"EXIF: {place.name} holds {entry.name} more than once")
        self._keep_thumbnail(place, named)
        self._directories.put(place.name, named.fields)
        self._queue.extendleft(reversed(within))

    def _entries(self, place: _Place) -> Iterator[Entry] | None:
        """Return the entries that can be read; None if no directory is there. Queue the directory of the next page."""
        start = place.offset + _COUNT_BYTES
        if place.offset == 0 or start > len(self._stream):
            return None
        (told,) = struct.unpack_from(f"{self._order}H", self._stream, place.offset)
        room = (len(self._stream) - start) // _ENTRY_BYTES
        if told > room:
            self._remarks.add(f"EXIF: {place.name} is cut off: {room} of {told} entries are there")
        count = min(told, room)
        if count > self._entries_left:
            self._remarks.add(f"EXIF: {place.name}: only the first {MAX_ENTRIES} entries of the block are read")
            count = self._entries_left
        self._entries_left -= count
        if place.page is not None and told <= room:
            self._queue_page(place.page + 1, start + told * _ENTRY_BYTES)
        table = self._stream[start : start + count * _ENTRY_BYTES]
        return self._readable(place, table)

    def _queue_page(self, page: int, at: int) -> None:
        if at + _OFFSET_BYTES > len(self._stream):
            return  # some writers leave out the pointer if no page follows
        (offset,) = struct.unpack_from(f"{self._order}I", self._stream, at)
        if offset:
            self._queue.append(_Place(f"IFD{page}", offset, page=page))

    def _readable(self, place: _Place, table: memoryview) -> Iterator[Entry]:
        for tag, type_code, count, inline in struct.iter_unpack(f"{self._order}HHI4s", table):
            name = place.names.get(tag) or f"0x{tag:04X}"
            field_type = TYPES.get(type_code)
            if field_type is None:
                self._remarks.add(f"EXIF: {place.name}: {name} has the unknown type {type_code}")
                continue
            length = count * field_type.bytes
            if length <= len(inline):
                yield Entry(name, field_type, count, inline[:length])
                continue
            (offset,) = struct.unpack(f"{self._order}I", inline)
            if self._is_within(place, name, offset, length):
                if name == "MakerNote" and self._note is None:
                    self._note = offset, length
                yield Entry(name, field_type, count, self._slice(place, name, offset, length))

    def _is_within(self, place: _Place, name: str, offset: int, length: int) -> bool:
        if offset + length <= len(self._stream):
            return True
        self._remarks.add(f"EXIF: {place.name}: {name} lies outside of the block: {length} bytes at {offset}")
        return False

    def _slice(self, place: _Place, name: str, offset: int, length: int) -> bytes | None:
        """Copy a value; return None if it is too long, alone or together with the values before it."""
        if length > MAX_VALUE_BYTES:
            self._remarks.add(f"EXIF: {place.name}: {name} is left out: {length:,} bytes; the original holds them")
            return None
        if length > self._bytes_left:
            self._remarks.add(
                f"EXIF: {place.name}: {name} is left out: together the values are longer than the block, "
                f"or than {MAX_VALUES_BYTES:,} bytes"
            )
            return None
        self._bytes_left -= length
        return bytes(self._stream[offset : offset + length])

    def _pointed(self, place: _Place, name: str, value: Any) -> list[_Place]:
        """Return the directories that the tag *name* points at; none if it is no pointer, or points nowhere."""
        base = tags.DIRECTORY_POINTERS.get(name)
        if base is None:
            return []
        if place.depth == MAX_DEPTH:
            self._remarks.add(f"EXIF: {place.name}: the directories lie too deep within each other")
            return []
        prefix = "" if place.name in ("IFD0", "Exif") else f"{place.name}/"
        pointed = []
        for number, offset in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(offset, int) or not 0 < offset < len(self._stream):
                self._remarks.add(f"EXIF: {place.name}: {name} points outside of the block")
                continue
            sub_name = f"{prefix}{base}{number}" if name == "SubIFDs" else prefix + base
            pointed.append(_Place(sub_name, offset, _NAMES.get(base, tags.TAGS), depth=place.depth + 1))
        return pointed

    def _keep_thumbnail(self, place: _Place, named: UniqueNames) -> None:
        """Keep the JPEG that IFD1 points at (EXIF 3.0). In other directories, the same tags point at the picture."""
        offset = named.fields.get("JPEGInterchangeFormat")
        length = named.fields.get("JPEGInterchangeFormatLength")
        if place.name != "IFD1" or not isinstance(offset, int) or not isinstance(length, int) or length <= 0:
            return
        if self._is_within(place, "ThumbnailImage", offset, length):
            raw = self._slice(place, "ThumbnailImage", offset, length)
            named.put("ThumbnailImage", values.left_out(length) if raw is None else values.binary(raw))
