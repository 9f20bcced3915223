"""A TIFF with another first directory. It stands behind all that was there before, so all else keeps its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from vignette.pixels.containers.reader import Reader
from vignette.pixels.containers.tiff_directory import Entry, Layout
from vignette.pixels.pieces import Pieces

_LONG, _LONG8 = 4, 16


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
    link, kind = layout.link, _LONG8 if layout.is_big else _LONG
    values = start + layout.entry_count.size + layout.entry.size * len(tags) + link.size
    table, behind = bytearray(), bytearray()
    for tag in tags:
        if tag in kept:
            entry = kept[tag]
            table += layout.entry.pack(tag, entry.kind, entry.count, entry.inline)
            continue
        raw = b"".join(link.pack(number) for number in numbers[tag])
        place = raw if len(raw) <= link.size else link.pack(values + len(behind))
        behind += b"" if len(raw) <= link.size else raw
        table += layout.entry.pack(tag, kind, len(numbers[tag]), place)
    made = Pieces()
    made.copy(0, layout.header_bytes - link.size)
    made.write(link.pack(start))
    made.copy(layout.header_bytes, reader.size)
    count = layout.entry_count.pack(len(tags))
    made.write(bytes(reader.size % 2) + count + bytes(table) + link.pack(next_offset) + bytes(behind))
    return made
