"""A TIFF with another first directory. It stands behind all that was there before, so all else keeps its place."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from vignette.pixels.containers.reader import Reader
from vignette.pixels.containers.tiff_directory import Entry, Layout
from vignette.pixels.pieces import Pieces

_HEADER_BYTES: Final = 8
_LONG: Final = 4


def with_directory(
    reader: Reader, layout: Layout, entries: Iterable[Entry], numbers: Mapping[int, Sequence[int]], next_offset: int = 0
) -> Pieces:
    """
    Return the file with a first directory of *entries*, and of *numbers* by their tags, in place of entries if need be.

    The directory after it is at *next_offset*; 0 stands for none.
    """
    kept = {entry.tag: entry for entry in entries if entry.tag not in numbers}
    start = reader.size + reader.size % 2
    tags = sorted([*kept, *numbers])
    values = start + 2 + 12 * len(tags) + 4
    table, behind = bytearray(), bytearray()
    for tag in tags:
        if tag in kept:
            entry = kept[tag]
            table += struct.pack(f"{layout.order}HHI", tag, entry.kind, entry.count) + entry.inline
            continue
        raw = struct.pack(f"{layout.order}{len(numbers[tag])}I", *numbers[tag])
        place = raw if len(raw) <= 4 else struct.pack(f"{layout.order}I", values + len(behind))
        behind += b"" if len(raw) <= 4 else raw
        table += struct.pack(f"{layout.order}HHI", tag, _LONG, len(numbers[tag])) + place
    made = Pieces()
    made.copy(0, _HEADER_BYTES - 4)
    made.write(struct.pack(f"{layout.order}I", start))
    made.copy(_HEADER_BYTES, reader.size)
    count, link = struct.pack(f"{layout.order}H", len(tags)), struct.pack(f"{layout.order}I", next_offset)
    made.write(bytes(reader.size % 2) + count + bytes(table) + link + bytes(behind))
    return made
