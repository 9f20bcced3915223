"""
The part of a progressive JPEG that a decoder needs to show it at an eighth of its size.

At that scale a decoder takes only the mean (coefficient 0) of each block of 8 × 8 samples, unless the component is
subsampled. The scans of the other coefficients are most of the file, and would be decoded for nothing.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Final

from vignette.pixels.containers.jpeg_segments import APP14, EOI, PROGRESSIVE, SOS, Segment, segments
from vignette.pixels.containers.reader import Reader

_FRAME: Final = struct.Struct(">xHHB")
_METADATA: Final = range(0xE0, 0xF0)

# JFIF 1.01, without a thumbnail (ISO/IEC 10918-5, 10.1).
_APP0: Final = 0xE0
_JFIF_BYTES: Final = 14
_JFIF: Final = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"

# A table for AC coefficients, number 0. Its codes of 4 bits stand for runs of blocks without a coefficient, of up to 2,
# 4, 8 … 32,768 blocks each (T.81, G.1.2.2). The segment before the table turns restarts off.
_LONGEST_RUN: Final = 14
_RUNS: Final = (
    b"\xff\xdd\0\4\0\0\xff\xc4"
    + struct.pack(">HB", 19 + _LONGEST_RUN + 1, 0x10)
    + bytes([0, 0, 0, _LONGEST_RUN + 1, *[0] * 12, *(power << 4 for power in range(_LONGEST_RUN + 1))])
)


def eighth(reader: Reader) -> bytes | None:
    """
    Return a JPEG that is the same to the bit, at an eighth of its size, as the progressive JPEG in *reader*, which has
    passed the door. Return None if the components of that cannot be told apart.

    Scans which say that the coefficients are zero stand for the scans that are left out: decoders guess coefficients
    that are missing. The only metadata in it are comments.

    Raises:
        BrokenImage: *reader* holds no such JPEG.
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
        elif segment.code == _APP0 and _is_jfif(reader, segment):
            kept.append(_JFIF)
            continue
        elif segment.code in _METADATA and segment.code != APP14:
            continue
        kept.append(reader.read(segment.marker, segment.end - segment.marker, "the picture"))
    kept += [_RUNS, *(_empty_scan(component, blocks[component]) for component in left_out), b"\xff\xd9"]
    return b"".join(kept)


def _is_jfif(reader: Reader, segment: Segment) -> bool:
    """Whether it says that the colours are YCbCr, whatever Adobe's segment says; libjpeg needs it whole for that."""
    return segment.length >= _JFIF_BYTES and reader.read(segment.start, 5, "a segment") == b"JFIF\0"


def _blocks_of_whole_components(frame: bytes) -> dict[int, int]:
    """Return, by identifier, how many blocks a scan of one component has, for components that are not subsampled."""
    height, width, _ = _FRAME.unpack_from(frame)
    entries = frame[_FRAME.size :]
    factors = {identifier: (both >> 4, both & 15) for identifier, both in zip(entries[::3], entries[1::3], strict=True)}
    most = tuple(map(max, zip(*factors.values(), strict=True)))
    return {
        identifier: math.ceil(width / 8) * math.ceil(height / 8) for identifier, own in factors.items() if own == most
    }


def _empty_scan(component: int, blocks: int) -> bytes:
    """Return a scan in which all *blocks* of *component* have no coefficient but the first."""
    bits = ""
    while blocks:
        power = min(_LONGEST_RUN, blocks.bit_length() - 1)
        run = min(blocks, (2 << power) - 1)
        bits += f"{power:04b}" + f"{run:b}"[1:]
        blocks -= run
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, component, 0, 1, 63, 0) + data
