"""
The part of a JPEG that its pixels need: without its metadata; and at an eighth of its size, without most of its scans.

A decoder gives up a picture for a fault in its metadata. The door has read the metadata and warned, so no decoder gets
them.

At an eighth of the size a decoder takes only the mean (coefficient 0) of each block of 8 × 8 samples, unless the
component is subsampled. The scans of the other coefficients are most of a progressive file, and would be decoded for
nothing.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Final

from vignette.pixels.containers.jpeg_segments import APP0, APP14, COM, EOI, PROGRESSIVE, SOS, Segment, segments
from vignette.pixels.containers.reader import Reader
from vignette.pixels.pieces import Pieces

_FRAME: Final = struct.Struct(">xHHB")
# The name and the least length of the two segments that tell what the components are: JFIF 1.02, and Adobe's Technical
# Note 5116. Shorter ones tell nothing to libjpeg.
_TOLD: Final = {APP0: (b"JFIF\0", 14), APP14: (b"Adobe", 12)}
_METADATA: Final = frozenset({COM, *range(0xE0, 0xF0)}) - _TOLD.keys()

# A table for AC coefficients, number 0. Its codes of 4 bits stand for runs of blocks without a coefficient, of up to 2,
# 4, 8 … 32,768 blocks each (T.81, G.1.2.2). The segment before the table turns restarts off.
_LONGEST_RUN: Final = 14
_RUNS: Final = (
    b"\xff\xdd\0\4\0\0\xff\xc4"
    + struct.pack(">HB", 19 + _LONGEST_RUN + 1, 0x10)
    + bytes([0, 0, 0, _LONGEST_RUN + 1, *[0] * 12, *(power << 4 for power in range(_LONGEST_RUN + 1))])
)


def picture(reader: Reader) -> Pieces:
    """
    Return a JPEG that has passed the door, without its comments and application segments.

    Of these, JFIF and Adobe stay, because they tell what the components are; but only whole ones, without a thumbnail.
    What follows the header of the first scan stays as it is.

    Raises:
        BrokenImage: *reader* holds no such JPEG.
    """
    made = Pieces()
    made.copy(0, 2)
    for segment in segments(reader):
        if segment.code == SOS:
            made.copy(segment.marker, reader.size)
            break
        if segment.code in _TOLD:
            _copy_told(reader, segment, made)
        elif segment.code not in _METADATA:
            made.copy(segment.marker, segment.stop)
    return made


def _copy_told(reader: Reader, segment: Segment, made: Pieces) -> None:
    """Append what *segment* tells of the components; nothing if it is no whole JFIF or Adobe segment."""
    name, length = _TOLD[segment.code]
    if segment.length < length or reader.read(segment.start, len(name), segment.what) != name:
        return
    if segment.length == length:
        made.copy(segment.marker, segment.stop)
        return
    content = reader.read(segment.start, length, segment.what)
    if segment.code == APP0:
        content = content[:-2] + b"\0\0"  # no thumbnail
    made.write(struct.pack(">BBH", 0xFF, segment.code, 2 + length) + content)


def eighth(reader: Reader) -> bytes | None:
    """
    Return a JPEG that is the same to the bit, at an eighth of its size, as the progressive JPEG in *reader*, which has
    passed the door. Return None if the components of that cannot be told apart.

    Scans which say that the coefficients are zero stand for the scans that are left out: decoders guess coefficients
    that are missing.

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
        elif segment.code in _METADATA:
            continue
        kept.append(reader.read(segment.marker, segment.end - segment.marker, "the picture"))
    kept += [_RUNS, *(_empty_scan(component, blocks[component]) for component in left_out), b"\xff\xd9"]
    return b"".join(kept)


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
