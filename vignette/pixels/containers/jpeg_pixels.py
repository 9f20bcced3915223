"""
The part of a progressive JPEG that an eighth of its size needs.

At that scale a decoder takes of a block of 8 × 8 samples no more than their mean (coefficient 0), unless the component
is subsampled. The scans of the other coefficients are most of the file, and would be decoded for nothing.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Final

from vignette.pixels.containers.jpeg_segments import APP14, EOI, PROGRESSIVE, SOS, segments
from vignette.pixels.containers.reader import Reader

_FRAME: Final = struct.Struct(">xHHB")
_METADATA: Final = range(0xE0, 0xF0)

# Runs of blocks without a coefficient, of up to 2, 4, 8 … 32,768 each, in codes of 4 bits (T.81, G.1.2.2): a table for
# AC coefficients, number 0. Before it restarts are turned off.
_LONGEST_RUN: Final = 14
_RUNS: Final = (
    b"\xff\xdd\0\4\0\0\xff\xc4"
    + struct.pack(">HB", 19 + _LONGEST_RUN + 1, 0x10)
    + bytes([0, 0, 0, _LONGEST_RUN + 1, *[0] * 12, *(power << 4 for power in range(_LONGEST_RUN + 1))])
)


def eighth(reader: Reader) -> bytes | None:
    """
    A JPEG that is the same at an eighth of its size, to the bit, as the progressive one that has passed the door; None
    if its components cannot be told apart.

    What is left out is stood in for by scans that say that the coefficients are zero: decoders guess those that are
    missing. No metadata are in it.

    Raises:
        BrokenImage: It is no such JPEG.
    """
    kept = [reader.read(0, 2, "the signature")]
    blocks: Mapping[int, int] = {}
    left_out: dict[int, None] = {}
    for segment in segments(reader):
        if segment.code == EOI:
            break
        if segment.code == PROGRESSIVE:
            header = reader.read(segment.start, segment.length, "the frame header")
            blocks = _blocks_of_whole_components(header)
            if len(set(header[6::3])) < header[5]:
                return None
        elif segment.code == SOS:
            header = reader.read(segment.start, segment.length, "a scan header")
            if header[-3] > 0 and header[1] in blocks:
                left_out[header[1]] = None
                continue
        elif segment.code in _METADATA and segment.code != APP14:
            continue
        kept.append(reader.read(segment.marker, segment.end - segment.marker, "the picture"))
    kept += [_RUNS, *(_empty_scan(component, blocks[component]) for component in left_out), b"\xff\xd9"]
    return b"".join(kept)


def _blocks_of_whole_components(frame: bytes) -> dict[int, int]:
    """How many blocks a scan of one component has, for those that are not subsampled, by their identifiers."""
    height, width, _ = _FRAME.unpack_from(frame)
    entries = frame[_FRAME.size :]
    factors = {identifier: (both >> 4, both & 15) for identifier, both in zip(entries[::3], entries[1::3], strict=True)}
    most = tuple(map(max, zip(*factors.values(), strict=True)))
    return {
        identifier: math.ceil(width / 8) * math.ceil(height / 8) for identifier, own in factors.items() if own == most
    }


def _empty_scan(component: int, blocks: int) -> bytes:
    """A scan in which all *blocks* of a *component* have no coefficient but the first."""
    bits = ""
    while blocks:
        power = min(_LONGEST_RUN, blocks.bit_length() - 1)
        run = min(blocks, (2 << power) - 1)
        bits += f"{power:04b}" + f"{run:b}"[1:]
        blocks -= run
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, component, 0, 1, 63, 0) + data
