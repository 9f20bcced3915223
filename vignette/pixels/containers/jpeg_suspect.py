"""
Finds JPEGs that look damaged, and tells whether their pixels are all there.

To count the blocks of each JPEG would double what an upload costs. But what damages a file leaves traces that cost
nothing to find: a run of the same byte, where a part of a disk was wiped or overwritten; and more data behind the
end-of-image marker that are no further picture. Only such a file is counted. In all others the decoder tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from vignette.limits import KIB
from vignette.pixels.containers.jpeg_entropy import AC, FILLING, ScanPlan, holds_blocks
from vignette.pixels.containers.jpeg_progressive import (
    MOST_BLOCKS,
    MOST_BLOCKS_OF_PASSES,
    MOST_RESTARTS,
    Pass,
    walk,
)
from vignette.pixels.containers.jpeg_segments import Segment
from vignette.pixels.containers.jpeg_unended import read_tables
from vignette.pixels.containers.reader import Reader

# Some 40 ms of work, 0.1 s for a progressive one; half a second if a code takes a bit.
MOST_BYTES: Final = 128 * KIB

# Real data hold as long a run only in plain grounds, and count as whole then.
_RUN_BYTES: Final = 64
_START_OF_PICTURE: Final = b"\xff\xd8\xff"

# Encoders write up to eighteen. Each has tables of its own, which take a millisecond.
_MOST_SCANS: Final = 20

# What a decoder takes for bytes that fill up the data: see `engines.whole_jpeg`.
_SPARE_BYTES: Final = 16


def looks_damaged(reader: Reader, scans: Sequence[Segment], end: int) -> bool:
    """Whether the JPEG of these *scans*, which are of `MOST_BYTES` together, and that ends at byte *end*, does."""
    behind = reader.read(end, min(len(_START_OF_PICTURE), reader.size - end), "what follows the picture")
    return behind.strip(b"\0") not in (b"", _START_OF_PICTURE) or any(
        _has_run(reader.read(scan.stop, scan.end - scan.stop, scan.what)) for scan in scans
    )


def _has_run(data: bytes) -> bool:
    number = int.from_bytes(data, "big")
    return bytes(_RUN_BYTES - 1) in (number ^ number >> 8).to_bytes(len(data), "big")


def lacks_blocks(reader: Reader, scans: Sequence[tuple[Segment, ScanPlan]], tables: Sequence[Segment]) -> bool:
    """
    Whether one of the *scans* lacks blocks of its plan, or has data behind them; False if nobody can tell.

    *tables* are the segments DHT and DRI; the `restart` of a plan is ignored.
    """
    restarts_left = MOST_RESTARTS
    for segment, plan in scans[:_MOST_SCANS]:
        huffman, restart = read_tables(reader, tables, segment)
        restarts_left -= plan.units // restart if restart else 0
        if restarts_left < 0:
            return False
        data = reader.read(segment.stop, segment.end - segment.stop, segment.what)
        try:
            if not holds_blocks(data, replace(plan, restart=restart), huffman, _SPARE_BYTES):
                return True
        except (KeyError, ValueError):  # decoders know tables of their own
            return False
    return False


def lacks_coefficients(
    reader: Reader, scans: Sequence[tuple[Segment, Sequence[int], Pass]], tables: Sequence[Segment]
) -> bool:
    """
    Whether one of the *scans* of a progressive JPEG, each with the numbers of its components, is as `lacks_blocks`.

    A `Pass` lacks what only the file tells: tables, restarts and data, which are ignored.
    """
    units = [told.units for _, _, told in scans]
    if max(units) > MOST_BLOCKS or sum(units) > MOST_BLOCKS_OF_PASSES:
        return False
    histories: dict[int, list[int]] = {}
    restarts_left = MOST_RESTARTS
    for segment, components, told in scans[:_MOST_SCANS]:
        huffman, restart = read_tables(reader, tables, segment)
        restarts_left -= told.units // restart if restart else 0
        if restarts_left < 0 or not _tables_of(told) <= huffman.keys():
            return False
        history = histories.setdefault(components[0], [0] * told.units) if told.first else []
        data = reader.read(segment.stop, segment.end - segment.stop, segment.what)
        end = walk(replace(told, data=data, tables=huffman, restart=restart), history)
        if end is None or len(data.rstrip(FILLING)) - end > _SPARE_BYTES:
            return True
    return False


def _tables_of(scan: Pass) -> set[int]:
    if scan.first:
        return {AC | scan.ac}
    return set() if scan.refines else set(scan.dc)
