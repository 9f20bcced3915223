"""
The part of a PNG that its pixels need, as places in the file.

A decoder gives up a picture for a fault in its metadata: a wrong checksum, a text that inflates to megabytes, a gAMA of
one byte. The door has read the metadata and warned; what is left for the decoder is the still picture, with nothing in
it that could be wrong but the pixels.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

from vignette.pixels import formats
from vignette.pixels.containers.reader import Reader

_CHUNK_HEADER: Final = struct.Struct(">I4s")
_CRC: Final = struct.Struct(">I")
_IHDR_COLOUR_TYPE: Final = 8 + 8 + 9

# What a tRNS takes by colour type (11.3.1.1); of an indexed picture one byte for each of up to 256 colours.
_TRANSPARENCY_BYTES: Final = {0: range(2, 3), 2: range(6, 7), 3: range(1, 257)}

_STILL: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_MOVING: Final = frozenset({b"acTL", b"fcTL", b"fdAT"})


@dataclass(frozen=True, slots=True)
class Segment:
    """`length` bytes of a file, from `offset` on."""

    offset: int
    length: int


def still_picture(reader: Reader) -> list[Segment]:
    """
    The signature and the chunks IHDR, PLTE, tRNS, IDAT and IEND of a PNG that has passed the door: a whole PNG again.

    Left out are the frames of an animation, too: IDAT is the still picture, and its first frame. A tRNS that is damaged
    is left out, as libpng does. No more than a few segments, whatever the file.

    Raises:
        BrokenImage: It is no such PNG.
    """
    return _picture(reader, _STILL)


def moving_picture(reader: Reader) -> list[Segment]:
    """As `still_picture`, with the frames of the animation. There may be as many segments as chunks."""
    return _picture(reader, _STILL | _MOVING)


def _picture(reader: Reader, kinds: frozenset[bytes]) -> list[Segment]:
    offset = len(formats.PNG_SIGNATURE)
    segments = [Segment(0, offset)]
    has_data = False
    kind = b""
    while kind != b"IEND":
        length, kind = reader.unpack(_CHUNK_HEADER, offset, "a chunk")
        chunk = Segment(offset, _CHUNK_HEADER.size + length + _CRC.size)
        if kind in kinds and _is_in_place(reader, kind, chunk, has_data=has_data):
            _add(segments, chunk)
        has_data = has_data or kind == b"IDAT"
        offset += chunk.length
    return segments


def _add(segments: list[Segment], chunk: Segment) -> None:
    """Put *chunk* behind the others: as one piece with the last, if it lies right behind that in the file."""
    last = segments[-1]
    if last.offset + last.length == chunk.offset:
        segments[-1] = Segment(last.offset, last.length + chunk.length)
    else:
        segments.append(chunk)


def _is_in_place(reader: Reader, kind: bytes, chunk: Segment, *, has_data: bool) -> bool:
    """A palette and a transparency count before the data only."""
    if kind in (b"PLTE", b"tRNS"):
        return not has_data and (kind == b"PLTE" or _is_sound(reader, chunk))
    return True


def _is_sound(reader: Reader, transparency: Segment) -> bool:
    length = transparency.length - _CHUNK_HEADER.size - _CRC.size
    colour_type = reader.read(_IHDR_COLOUR_TYPE, 1, "the colour type")[0]
    if length not in _TRANSPARENCY_BYTES.get(colour_type, ()):
        return False
    content = reader.read(transparency.offset + 4, 4 + length, "the chunk 'tRNS'")
    (told,) = reader.unpack(_CRC, transparency.offset + 8 + length, "the chunk 'tRNS'")
    return zlib.crc32(content) == int(told)
