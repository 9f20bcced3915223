"""
Counts the blocks in the last scan of a progressive JPEG (ITU-T T.81, annex G), as `jpeg_entropy` does in a plain one.

How long a code is depends on which coefficients of its block are there already, so all scans of the same coefficients
are walked along. Nothing is decoded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vignette.pixels.containers.bit_windows import windows
from vignette.pixels.containers.jpeg_entropy import AC, intervals, lookup, stuffed_length

# Two thirds of a second's work, in blocks and in bytes of coded data.
MOST_BLOCKS: Final = 60_000
MOST_BYTES: Final = 1 << 20
# The same blocks once for each scan. Encoders refine coefficients two or three times; a run of blocks takes a few bits.
MOST_BLOCKS_OF_PASSES: Final = 10 * MOST_BLOCKS
# Times that the coding starts anew, in all scans. To start takes 15 µs.
MOST_RESTARTS: Final = 10_000

_RUN_OF_ZEROS: Final = 15


@dataclass(frozen=True, slots=True)
class Pass:
    """
    A scan: of the coefficients from `first` to `last`, each of which it `refines` if an earlier scan has begun them.

    It has `units` of blocks, each given by its table for DC; a scan without DC has one block in each unit. After each
    `restart` units the coding starts anew; 0 stands for never.
    """

    units: int
    dc: Sequence[int]
    ac: int
    first: int
    last: int
    refines: bool
    restart: int
    tables: Mapping[int, bytes]
    data: bytes


def end_of_last(passes: Sequence[Pass]) -> int | None:
    """
    Return at which byte of its data the last block of the last of *passes* ends; None if not all blocks are there.

    The *passes* before it are all those of the same component and coefficients.
    """
    history = [0] * passes[-1].units
    end = None
    for scan in passes:
        end = walk(scan, history)
        if end is None:
            return None
    return end


def walk(scan: Pass, history: list[int]) -> int | None:
    """Return as `end_of_last`. *history* has, and is given, the coefficients that each block has by now, as bits."""
    end, unit = 0, 0
    try:
        dc, ac = _lookups(scan)
    except (KeyError, ValueError):
        return None
    for start, piece in intervals(scan.data, scan.units, scan.restart):
        following = min(scan.units, unit + (scan.restart or scan.units))
        data = piece.replace(b"\xff\0", b"\xff")
        try:
            if scan.first == 0:
                bits = _dc_bits(scan, data, dc, following - unit)
            else:
                bits = _ac_bits(scan, data, ac, history, range(unit, following))
        except IndexError:
            return None
        if bits is None or bits > 8 * len(data):
            return None
        end, unit = start + stuffed_length(piece, (bits + 7) // 8), following
    return end if unit == scan.units else None


def _lookups(scan: Pass) -> tuple[Sequence[Sequence[int]], Sequence[int]]:
    """Return the table of each block for DC, and that for AC; of those that the pass has no use for, none."""
    if scan.first:
        return [], lookup(scan.tables[AC | scan.ac])
    made = {} if scan.refines else {number: lookup(scan.tables[number]) for number in scan.dc}
    return [made[number] for number in scan.dc] if made else [], []


def _dc_bits(scan: Pass, data: bytes, tables: Sequence[Sequence[int]], units: int) -> int | None:
    if scan.refines:
        return units * len(scan.dc)
    seen = windows(data)
    position = 0
    for _ in range(units):
        for table in tables:
            code = table[seen[position >> 3] >> 16 - (position & 7) & 0xFFFF]
            if not code:
                return None
            position += (code & 31) + (code >> 5 & 15)
    return position


def _ac_bits(scan: Pass, data: bytes, table: Sequence[int], history: list[int], blocks: range) -> int | None:
    """Walk along the codes of *blocks*; note in *history* which coefficients each block has."""
    seen = windows(data)
    take = _refine if scan.refines else _begin
    position = run = 0
    for block in blocks:
        if run and not scan.refines:
            run -= 1
            continue
        position, run, history[block] = take(seen, table, position, run, history[block], scan.first, scan.last)
        if position < 0:
            return None
    return position


def _begin(
    seen: Sequence[int], table: Sequence[int], position: int, _: int, there: int, index: int, last: int
) -> tuple[int, int, int]:
    """Return (position, blocks without a code to come, coefficients there) after a block; position -1 for a fault."""
    while index <= last:
        code = table[seen[position >> 3] >> 16 - (position & 7) & 0xFFFF]
        if not code:
            return -1, 0, 0
        position += code & 31
        zeros, size = code >> 9, code >> 5 & 15
        if size:
            index += zeros
            there |= 1 << index
            position += size
        elif zeros < _RUN_OF_ZEROS:
            run = (1 << zeros) - 1 + (_bits(seen, position, zeros) if zeros else 0)
            return position + zeros, run, there
        else:
            index += zeros
        index += 1
    return position, 0, there


def _refine(
    seen: Sequence[int], table: Sequence[int], position: int, run: int, there: int, index: int, last: int
) -> tuple[int, int, int]:
    """As `_begin`; each coefficient that is there takes a bit more."""
    before = there
    while not run and index <= last:
        code = table[seen[position >> 3] >> 16 - (position & 7) & 0xFFFF]
        if not code:
            return -1, 0, 0
        position += code & 31
        zeros, size = code >> 9, code >> 5 & 15
        position += size
        if not size and zeros < _RUN_OF_ZEROS:
            run = (1 << zeros) + (_bits(seen, position, zeros) if zeros else 0)
            position += zeros
            break
        while index <= last and (before >> index & 1 or zeros):
            if before >> index & 1:
                position += 1
            else:
                zeros -= 1
            index += 1
        there |= 1 << index if size else 0
        index += 1
    if run:
        return position + (before >> index & (1 << max(0, last + 1 - index)) - 1).bit_count(), run - 1, there
    return position, 0, there


def _bits(seen: Sequence[int], position: int, count: int) -> int:
    return seen[position >> 3] >> 32 - (position & 7) - count & (1 << count) - 1
