"""
Counts the blocks in the Huffman-coded data of a scan (ITU-T T.81, annex F), to tell a whole scan from one cut short.

Only a JPEG without its end marker needs that: nothing else says whether all of its pixels are there. Nothing is
decoded; from each code only follows where the next one begins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from vignette.pixels.containers.bit_windows import windows

# The bits that a table looks up at once: the longest code.
_WINDOW_BITS: Final = 16
BLOCK_COEFFICIENTS: Final = 64
# An entry of a table: by how many bits the next code is further on, and above these by how many coefficients.
STEP_BITS: Final = 5
STEP: Final = (1 << STEP_BITS) - 1

# Half a second's work. The longest data that are counted hold fewer, unless a code takes under four bits on average.
_MOST_CODES: Final = 3_000_000

AC: Final = 0x10
_RESTART: Final = re.compile(rb"\xff[\xd0-\xd7]")
_STUFFED: Final = b"\xff\0"
# What may fill up the data, as much as there is: zeros of encoders in hardware, and ones before a marker (B.1.1.2).
FILLING: Final = b"\0\xff"


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """
    What a whole scan is made of: `units` times the same blocks, each given by its two tables (for DC and for AC).

    After each `restart` units the coding starts anew; 0 stands for never.
    """

    units: int
    blocks: Sequence[tuple[int, int]]
    restart: int = 0


def end_of_whole_scan(data: bytes, plan: ScanPlan, tables: Mapping[int, bytes]) -> int | None:
    """
    Return at which byte of *data* the last block ends; None if not all blocks of *plan* are there.

    *tables* holds the Huffman tables by class and number (T.81, B.2.4.2): 16 counts, then the values. If the coding
    starts anew now and then, only what follows the last start is looked at closely.
    """
    units, start = plan.units, 0
    if plan.restart:
        restarts = [match.end() for match in _RESTART.finditer(data)]
        before = (units - 1) // plan.restart
        if len(restarts) < before:
            return None
        if before:
            units, start = units - before * plan.restart, restarts[before - 1]
        if len(restarts) > before:
            data = data[: restarts[before] - 2]
    try:
        steps = _steps_of_blocks(plan, tables)
    except (KeyError, ValueError):
        return None
    raw = data[start:]
    used = _bytes_used(raw.replace(_STUFFED, b"\xff"), units, steps)
    return None if used is None else start + stuffed_length(raw, used)


def holds_blocks(data: bytes, plan: ScanPlan, tables: Mapping[int, bytes], spare: int) -> bool:
    """
    Whether each interval of *data* has its blocks, and at most *spare* bytes behind them, without `FILLING`.

    Raises:
        KeyError, ValueError: A table is missing, or none.
    """
    steps = _steps_of_blocks(plan, tables)
    left = plan.units
    for _, piece in intervals(data, plan.units, plan.restart):
        units = min(left, plan.restart or left)
        used = _bytes_used(piece.replace(_STUFFED, b"\xff"), units, steps)
        if used is None or len(piece.rstrip(FILLING)) - stuffed_length(piece, used) > spare:
            return False
        left -= units
    return not left


def _steps_of_blocks(plan: ScanPlan, tables: Mapping[int, bytes]) -> Sequence[tuple[Sequence[int], Sequence[int]]]:
    of_dc = {dc: dc_steps(tables[dc]) for dc, _ in plan.blocks}
    of_ac = {ac: ac_steps(tables[AC | ac]) for _, ac in plan.blocks}
    return [(of_dc[dc], of_ac[ac]) for dc, ac in plan.blocks]


def _bytes_used(data: bytes, units: int, steps: Sequence[tuple[Sequence[int], Sequence[int]]]) -> int | None:
    seen = windows(data)
    position, last, codes = 0, 8 * len(data), 0
    for _ in range(units):
        for dc, ac in steps:
            step = dc[seen[position >> 3] >> 16 - (position & 7) & 0xFFFF]
            position += step
            index = 1
            while step and index < BLOCK_COEFFICIENTS:
                step = ac[seen[position >> 3] >> 16 - (position & 7) & 0xFFFF]
                position += step & STEP
                index += step >> STEP_BITS
                codes += 1
            codes += 1
            if not step or position > last or codes > _MOST_CODES:
                return None
    return (position + 7) // 8


@lru_cache(8)
def dc_steps(table: bytes) -> Sequence[int]:
    """Return, for each window, by how many bits the code and the difference behind it are long; 0 without a code."""
    return _steps(table, lambda value: value & 15)


@lru_cache(8)
def ac_steps(table: bytes) -> Sequence[int]:
    """As `dc_steps`; above that (from bit 5 on) by how many coefficients the next code is further on."""

    def coefficients(value: int) -> int:
        run, size = value >> 4, value & 15
        if size:
            return run + 1
        return 16 if run == 15 else BLOCK_COEFFICIENTS  # a run of zeros; the end of the block

    return _steps(table, lambda value: value & 15 | coefficients(value) << STEP_BITS)


@lru_cache(8)
def lookup(table: bytes) -> Sequence[int]:
    """Return, for each window, the length of its code and above that (from bit 5 on) the value; 0 without a code."""
    return _steps(table, lambda value: value << STEP_BITS)


def _steps(table: bytes, of_value: Callable[[int], int]) -> Sequence[int]:
    """Return the entry of each window; 0 where no code begins."""
    counts, values = table[:16], table[16:]
    if sum(counts) > len(values):
        raise ValueError("a table without all of its values")
    entries: list[int] = []
    following = iter(values)
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            entries += [length + of_value(next(following))] * (1 << _WINDOW_BITS - length)
    if len(entries) > 1 << _WINDOW_BITS:
        raise ValueError("a table of more codes than there can be")
    return entries + [0] * ((1 << _WINDOW_BITS) - len(entries))


def intervals(data: bytes, units: int, restart: int) -> Iterator[tuple[int, bytes]]:
    """Yield where each interval of the *data* of a scan begins, and its bytes, up to the last that *units* need."""
    start = 0
    for left in range((units - 1) // restart if restart else 0, -1, -1):
        found = _RESTART.search(data, start)
        yield start, data[start : found.start() if found else len(data)]
        if found is None and left:
            return
        start = found.end() if found else start


def stuffed_length(raw: bytes, used: int) -> int:
    """Return how many bytes of *raw* stand for *used* bytes without the zeros that are stuffed in."""
    length = used
    while (with_zeros := used + raw.count(_STUFFED, 0, length)) != length:
        length = with_zeros
    return length + (raw[length - 1 : length + 1] == _STUFFED)
