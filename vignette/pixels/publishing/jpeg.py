"""
A JPEG without what it says of itself. Its tables, frame and scans stay. Of its application segments, only those stay
that decoders need for the colours. All that lies behind the end of the picture goes too.
"""

from __future__ import annotations

import struct
from typing import Final

from vignette.pixels.containers.jpeg_segments import (
    APP0,
    APP1,
    APP2,
    APP14,
    DHT,
    DNL,
    DQT,
    DRI,
    FRAMES,
    SOS,
    Segment,
    segments,
)
from vignette.pixels.containers.reader import Reader
from vignette.pixels.pieces import Pieces
from vignette.pixels.publishing.kept import Kept

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_PICTURE: Final = frozenset({DHT, DQT, DNL, DRI, *FRAMES, SOS})

_EXIF: Final = b"Exif\0\0"
_ICC: Final = b"ICC_PROFILE\0"
_MAX_PROFILE_PIECE: Final = 65535 - 2 - len(_ICC) - 2

# JFIF 1.02: version, units, density; after them comes a thumbnail, which the copy lacks.
_JFIF: Final = b"JFIF\0"
_JFIF_BYTES: Final = 14
# Adobe Technical Note 5116: version, flags, and the colour transform that decoders ask for.
_ADOBE: Final = b"Adobe"
_ADOBE_BYTES: Final = 12


def publish(reader: Reader, kept: Kept) -> Pieces:
    jfif, picture = b"", Pieces()
    for segment in segments(reader):
        if segment.code in _PICTURE:
            picture.copy(segment.marker, segment.end)
        elif segment.code == APP0 and not jfif:
            jfif = _head(reader, segment, _JFIF, _JFIF_BYTES)
        elif segment.code == APP14:
            picture.write(_segment(APP14, _head(reader, segment, _ADOBE, _ADOBE_BYTES)))
    made = Pieces()
    made.write(_SOI + _segment(APP0, jfif and jfif[:-2] + b"\0\0") + _metadata(kept))
    made.extend(picture)
    made.write(_EOI)
    return made


def _head(reader: Reader, segment: Segment, prefix: bytes, length: int) -> bytes:
    """Return the first *length* bytes of a segment that begins with *prefix*; nothing of any other segment."""
    if segment.length < length:
        return b""
    head = reader.read(segment.start, length, "a segment")
    return head if head.startswith(prefix) else b""


def _metadata(kept: Kept) -> bytes:
    exif = b"" if kept.exif is None else _segment(APP1, _EXIF + kept.exif)
    profile = kept.icc or b""
    pieces = [profile[at : at + _MAX_PROFILE_PIECE] for at in range(0, len(profile), _MAX_PROFILE_PIECE)]
    # ICC.1:2022, B.4: sequence number from 1, number of all chunks.
    return exif + b"".join(
        _segment(APP2, _ICC + bytes([number, len(pieces)]) + piece) for number, piece in enumerate(pieces, 1)
    )


def _segment(code: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content if content else b""
