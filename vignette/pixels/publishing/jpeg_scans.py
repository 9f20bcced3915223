"""
Finds where the coded data of each scan of a JPEG end (ITU-T T.81, annexes F and G), and of each interval in it.

Decoders stop behind the last block and skip what follows, up to the next marker. Only a walk from code to code tells
where that is. It takes a third of a second for 1 MB of data; nothing is decoded.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from vignette.errors import NotPublishable
from vignette.limits import KIB, MIB
from vignette.pixels.containers.bit_windows import windows
from vignette.pixels.containers.jpeg_entropy import (
    AC,
    BLOCK_COEFFICIENTS,
    STEP,
    STEP_BITS,
    ac_steps,
    dc_steps,
    stuffed_length,
)
from vignette.pixels.containers.jpeg_progressive import Pass, walk
from vignette.pixels.containers.jpeg_segments import PROGRESSIVE, Segment
from vignette.pixels.containers.reader import Reader

# Together half a minute's work.
_MAX_BYTES: Final = 64 * MIB
_MAX_BLOCKS: Final = 20_000_000

_FRAME: Final = struct.Struct(">xHHB")
_RESTART: Final = re.compile(rb"\xff[\xd0-\xd7]")
_MARKER_BYTES: Final = 2

# So much is looked at at once, and a unit takes no more than the room behind it: 64 blocks of 256 bytes.
_SLICE_BYTES: Final = MIB
_ROOM_BYTES: Final = 16 * KIB


@dataclass(frozen=True, slots=True)
class _Component:
    """A colour component: how many blocks its own scan has, and how many a unit of a common scan has."""

    id: int
    blocks: int
    blocks_of_unit: int
    # Which coefficients each block has by now, as bits: what later scans of a progressive picture depend on.
    history: list[int] = field(default_factory=list)


class Scans:
    """
    The scans of a picture with the *frame* header, in their order. `tables` (by class and number) and `restart` are
    those in force for the next one.
    """

    def __init__(self, frame: Segment, header: bytes) -> None:
        self.tables: dict[int, bytes] = {}
        self.restart = 0
        self.is_progressive = frame.code == PROGRESSIVE
        height, width, _ = _FRAME.unpack_from(header)
        entries = [(header[at], header[at + 1] >> 4, header[at + 1] & 15) for at in range(_FRAME.size, len(header), 3)]
        most_across, most_down = max(across for _, across, _ in entries), max(down for _, _, down in entries)
        self._units = math.ceil(width / (8 * most_across)) * math.ceil(height / (8 * most_down))
        self._components = [
            _Component(
                identifier, _blocks(width * across, most_across) * _blocks(height * down, most_down), across * down
            )
            for identifier, across, down in entries
        ]
        self._left_bytes, self._left_blocks = _MAX_BYTES, _MAX_BLOCKS

    def ranges(self, reader: Reader, scan: Segment, header: bytes) -> Iterator[tuple[int, int]]:
        """
        Yield the ranges of the file that make the data of *scan*, with the markers between its intervals.

        Raises:
            NotPublishable: The data are damaged, or more than are looked at.
        """
        components = self._named(header[1:-3:2])
        is_alone = len(components) == 1
        units = components[0].blocks if is_alone else self._units
        blocks = units if is_alone else units * sum(component.blocks_of_unit for component in components)
        length = scan.end - scan.stop
        self._left_bytes -= length
        self._left_blocks -= blocks
        if self._left_bytes < 0 or self._left_blocks < 0:
            raise NotPublishable(
                f"the scans up to byte {scan.end:,} have more than {_MAX_BYTES:,} bytes or {_MAX_BLOCKS:,} blocks,"
                " too many to see whether something hides behind them"
            )
        data = reader.read(scan.stop, length, scan.what)
        at = unit = 0
        while unit < units:
            following = min(units, unit + (self.restart or units))
            found = _RESTART.search(data, at)
            end = found.start() if found else len(data)
            used = self._used(data[at:end], header, components, range(unit, following))
            if used is None or (found is None and following < units):
                raise NotPublishable(f"{scan.what} is damaged, so nobody can tell where the picture ends in it")
            yield scan.stop + at, scan.stop + at + used
            if following < units:
                yield scan.stop + end, scan.stop + end + _MARKER_BYTES
            at, unit = end + _MARKER_BYTES, following

    def _named(self, identifiers: bytes) -> Sequence[_Component]:
        """Return the components that a scan names. Some writers give all the same identifier."""
        waiting = list(self._components)
        named = []
        for identifier in identifiers:
            component = next(each for each in waiting if each.id == identifier)
            waiting.remove(component)
            named.append(component)
        return named

    def _used(self, raw: bytes, header: bytes, components: Sequence[_Component], units: range) -> int | None:
        """Return how many bytes of an interval its *units* take; None if they are not there."""
        tables = [(both >> 4, both & 15) for both in header[2:-3:2]]
        counts = [1] if len(components) == 1 else [component.blocks_of_unit for component in components]
        blocks = [pair for pair, count in zip(tables, counts, strict=True) for _ in range(count)]
        try:
            if self.is_progressive:
                return self._used_by_pass(raw, header, components[0], blocks, units)
            steps = [(dc_steps(self.tables[dc]), ac_steps(self.tables[AC | ac])) for dc, ac in blocks]
        except (KeyError, ValueError, IndexError):
            return None
        used = _bytes_used(raw.replace(b"\xff\0", b"\xff"), len(units), steps)
        return None if used is None else stuffed_length(raw, used)

    def _used_by_pass(
        self, raw: bytes, header: bytes, component: _Component, blocks: Sequence[tuple[int, int]], units: range
    ) -> int | None:
        first, last, both = header[-3:]
        told = Pass(
            units=len(units),
            dc=[dc for dc, _ in blocks],
            ac=blocks[0][1],
            first=first,
            last=min(last, BLOCK_COEFFICIENTS - 1),
            refines=both >> 4 > 0,
            restart=0,
            tables=self.tables,
            data=raw,
        )
        if first == 0:
            return walk(told, [])
        if not component.history:
            component.history.extend([0] * component.blocks)
        history = component.history[units.start : units.stop]
        used = walk(replace(told, data=raw), history)
        component.history[units.start : units.stop] = history
        return used


def tables_used(scans: Scans, header: bytes) -> set[int]:
    """Return which Huffman tables (by class and number) the scan with this *header* reads."""
    first, _, both = header[-3:]
    reads_dc = not scans.is_progressive or (first == 0 and both >> 4 == 0)
    reads_ac = not scans.is_progressive or first > 0
    dc = {number >> 4 for number in header[2:-3:2]} if reads_dc else set()
    return dc | ({AC | number & 15 for number in header[2:-3:2]} if reads_ac else set())


def split_tables(content: bytes, lengths: Mapping[int, int] | None, what: str) -> list[tuple[int, bytes]]:
    """
    Return the tables of a DHT, or with the *lengths* by precision of a DQT (T.81, B.2.4), each with its first byte.

    Raises:
        NotPublishable: The segment holds something else, too: no decoder takes it.
    """
    tables, at = [], 0
    while at < len(content):
        length = 17 + sum(content[at + 1 : at + 17]) if lengths is None else lengths.get(content[at] >> 4, 0)
        if not length or at + length > len(content):
            raise NotPublishable(f"{what} holds {len(content) - at:,} bytes that are no table")
        tables.append((content[at], content[at : at + length]))
        at += length
    return tables


def _bytes_used(data: bytes, units: int, steps: Sequence[tuple[Sequence[int], Sequence[int]]]) -> int | None:
    """As `jpeg_entropy.end_of_whole_scan`, slice by slice: windows take four times the room of their data."""
    base, position, last = 0, 0, 8 * len(data)
    seen = windows(data[: _SLICE_BYTES + _ROOM_BYTES])
    for _ in range(units):
        if position >= 8 * _SLICE_BYTES:
            base, position = base + (position >> 3), position & 7
            seen, last = windows(data[base : base + _SLICE_BYTES + _ROOM_BYTES]), 8 * (len(data) - base)
        for dc, ac in steps:
            step = dc[seen[position >> 3] >> 16 - (position & 7) & 0xFFFF]
            position += step
            index = 1
            while step and index < BLOCK_COEFFICIENTS:
                step = ac[seen[position >> 3] >> 16 - (position & 7) & 0xFFFF]
                position += step & STEP
                index += step >> STEP_BITS
            if not step or position > last:
                return None
    return base + (position + 7) // 8


def _blocks(samples: int, factor: int) -> int:
    return math.ceil(math.ceil(samples / factor) / 8)
