"""
JPEGs without their end-of-image marker: some cameras and editors leave it out, some put their own data in its place.

An upload that was cut short lacks the marker too. So such a file is taken only if its last scan is whole, which only a
count of its blocks can tell. That takes a second for 4 MB of coded data. So for more than 1.5 MiB only one thing counts
as proof that the file was not cut: what Samsung's phones put at its very end.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from vignette.limits import KIB, MIB
from vignette.pixels.containers.jpeg_entropy import ScanPlan, end_of_whole_scan
from vignette.pixels.containers.jpeg_progressive import (
    MOST_BLOCKS,
    MOST_BLOCKS_OF_PASSES,
    MOST_BYTES,
    MOST_RESTARTS,
    Pass,
    end_of_last,
)
from vignette.pixels.containers.jpeg_segments import DHT, Segment
from vignette.pixels.containers.reader import Reader
from vignette.pixels.pieces import Pieces

_MOST_COUNTED_BYTES: Final = 3 * MIB // 2
# Four tables of each class take some 2 KiB.
_MAX_TABLE_BYTES: Final = 64 * KIB
# Each segment counts for as much at least.
_LEAST_TABLE_BYTES: Final = 256

_END: Final = b"\xff\xd9"
# What ends the data of a scan; restart markers and stuffed bytes are part of them.
_MARKER_AFTER_DATA: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")

# Samsung's trailer, as ExifTool documents it (lib/Image/ExifTool/Samsung.pm): a directory, its length, a mark. The
# directory begins with its own mark, version and count; each entry tells how far before the directory its data begin.
_SAMSUNG_END: Final = struct.Struct("<I4s")
_SAMSUNG_DIRECTORY: Final = struct.Struct("<4sII")
_SAMSUNG_ENTRY: Final = struct.Struct("<4xII")
_MAX_SAMSUNG_ENTRIES: Final = 100


def ended(end: int) -> Pieces:
    """Return the JPEG that ends at byte *end*, with the marker that it lacks."""
    mended = Pieces()
    mended.copy(0, end)
    mended.write(_END)
    return mended


def end_of_scan(reader: Reader, scan: Segment, tables: Iterable[Segment], plan: ScanPlan) -> int | None:
    """
    Return where the data of *scan*, the last one in the file, end; None if they are not whole, or nobody can tell.

    *tables* are the segments DHT and DRI before it; `plan.restart` is ignored.
    """
    marker = reader.find(_MARKER_AFTER_DATA, scan.stop)
    end = reader.size if marker is None else marker
    if end > scan.stop and reader.read(end - 1, 1, "the end") == _END[:1]:
        end -= 1
    if end - scan.stop > _MOST_COUNTED_BYTES:
        trailer = _samsung_trailer(reader)
        return min(trailer, end) if trailer is not None and scan.stop < trailer else None
    huffman, restart = read_tables(reader, tables, scan)
    used = end_of_whole_scan(
        reader.read(scan.stop, end - scan.stop, scan.what), replace(plan, restart=restart), huffman
    )
    return None if used is None else scan.stop + used


def end_of_progressive_scan(
    reader: Reader, scans: Sequence[tuple[Segment, Pass]], tables: Sequence[Segment]
) -> int | None:
    """
    Return where the data of the last of *scans* end; None if they are not whole, or too long to be counted.

    The *scans* before it are all those of the same component and coefficients. A `Pass` lacks what only the file tells:
    tables, restarts and data, which are ignored.
    """
    units = scans[-1][1].units
    if units > MOST_BLOCKS or units * len(scans) > MOST_BLOCKS_OF_PASSES:
        return None
    passes, left, restarts_left = [], MOST_BYTES, MOST_RESTARTS
    for segment, told in scans:
        marker = reader.find(_MARKER_AFTER_DATA, segment.stop)
        length = (reader.size if marker is None else marker) - segment.stop
        left -= length
        if left < 0:
            return None
        data = reader.read(segment.stop, length, segment.what).removesuffix(_END[:1])
        huffman, restart = read_tables(reader, tables, segment)
        restarts_left -= units // restart if restart else 0
        if restarts_left < 0:
            return None
        passes.append(replace(told, data=data, tables=huffman, restart=restart))
    used = end_of_last(passes)
    return None if used is None else scans[-1][0].stop + used


def read_tables(reader: Reader, segments: Iterable[Segment], scan: Segment) -> tuple[Mapping[int, bytes], int]:
    """Return the Huffman tables that are in force for *scan* by class and number, and the interval of restarts."""
    tables: dict[int, bytes] = {}
    restart, left = 0, _MAX_TABLE_BYTES
    for segment in segments:
        left -= max(segment.length, _LEAST_TABLE_BYTES)
        if segment.marker > scan.marker or left < 0:
            break
        content = reader.read(segment.start, segment.length, segment.what)
        if segment.code != DHT:
            restart = int.from_bytes(content[:2], "big")
            continue
        at = 0
        while len(content) - at > 17:
            end = at + 17 + sum(content[at + 1 : at + 17])
            tables[content[at]] = content[at + 1 : end]
            at = end
    return tables, restart


def _samsung_trailer(reader: Reader) -> int | None:
    """Return where the trailer of a Samsung phone begins; None if there is none at the very end of the file."""
    end = reader.size - _SAMSUNG_END.size
    if end < 0:
        return None
    length, mark = reader.unpack(_SAMSUNG_END, end, "the end")
    start: int = end - length
    if mark != b"SEFT" or length < _SAMSUNG_DIRECTORY.size or start < 0:
        return None
    mark, _, count = reader.unpack(_SAMSUNG_DIRECTORY, start, "a trailer")
    if mark != b"SEFH" or not 0 < count <= _MAX_SAMSUNG_ENTRIES:
        return None
    if _SAMSUNG_DIRECTORY.size + count * _SAMSUNG_ENTRY.size > length:
        return None
    entries = reader.read(start + _SAMSUNG_DIRECTORY.size, count * _SAMSUNG_ENTRY.size, "a trailer")
    before: int = max(before for before, _ in _SAMSUNG_ENTRY.iter_unpack(entries))
    return start - before
