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
    return with_directories(reader, layout, [(entries, numbers)], next_offset)


def with_directories(
    reader: Reader,
    layout: Layout,
    directories: Iterable[tuple[Iterable[Entry], Mapping[int, Sequence[int]]]],
    next_offset: int = 0,
) -> Pieces:
    """Return as `with_directory` the file with several *directories* one after another."""
    start = reader.size + reader.size % 2
    written, listed = bytearray(), list(directories)
    for number, (entries, numbers) in enumerate(listed, 1):
        table, behind = _directory(layout, entries, numbers, start + len(written))
        end = start + len(written) + len(table) + layout.link.size + len(behind)
        written += table + layout.link.pack(end if number < len(listed) else next_offset) + behind
    made = Pieces()
    made.copy(0, layout.header_bytes - layout.link.size)
    made.write(layout.link.pack(start))
    made.copy(layout.header_bytes, reader.size)
    made.write(bytes(reader.size % 2) + bytes(written))
    return made


def _directory(
    layout: Layout, entries: Iterable[Entry], numbers: Mapping[int, Sequence[int]], start: int
) -> tuple[bytes, bytes]:
    """Return the table of a directory at byte *start*, and the values that stand behind the link after it."""
    kept = {entry.tag: entry for entry in entries if entry.tag not in numbers}
    tags = sorted([*kept, *numbers])
    link, kind = layout.link, _LONG8 if layout.is_big else _LONG
    values = start + layout.entry_count.size + layout.entry.size * len(tags) + link.size
    table, behind = bytearray(layout.entry_count.pack(len(tags))), bytearray()
    for tag in tags:
        if tag in kept:
            entry = kept[tag]
            table += layout.entry.pack(tag, entry.kind, entry.count, entry.inline)
            continue
        raw = b"".join(link.pack(number) for number in numbers[tag])
        place = raw if len(raw) <= link.size else link.pack(values + len(behind))
        behind += b"" if len(raw) <= link.size else raw
        table += layout.entry.pack(tag, kind, len(numbers[tag]), place)
    return bytes(table), bytes(behind)
