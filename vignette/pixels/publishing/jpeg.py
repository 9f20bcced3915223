"""
A JPEG without what it says of itself: tables, frame and scans stay, every application segment goes but those that
decoders need for the colours, and all that lies behind the end of the picture goes too.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final

from vignette.errors import BrokenImage
from vignette.pixels.containers.reader import Reader
from vignette.pixels.publishing.kept import Kept
from vignette.pixels.publishing.splice import Pieces

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_END, _SOS, _TEM = 0xD9, 0xDA, 0x01
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_RESTARTS: Final = range(0xD0, 0xD8)
# DHT, DQT, DNL, DRI, and the three kinds of frame that the door lets in.
_PICTURE: Final = frozenset({0xC4, 0xDB, 0xDC, 0xDD, 0xC0, 0xC1, 0xC2, _SOS})

_MARKER: Final = re.compile(rb"\xff[\x01-\xfe]")
_MARKER_AFTER_DATA: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")

_EXIF: Final = b"Exif\0\0"
_ICC: Final = b"ICC_PROFILE\0"
_MAX_PROFILE_PIECE: Final = 65535 - 2 - len(_ICC) - 2

# JFIF 1.02: version, units, density; after them comes a thumbnail, which ours has not.
_JFIF: Final = b"JFIF\0"
_JFIF_BYTES: Final = 14
# Adobe Technical Note 5116: version, flags, and the colour transform that decoders ask for.
_ADOBE: Final = b"Adobe"
_ADOBE_BYTES: Final = 12


def publish(reader: Reader, kept: Kept) -> Pieces:
    jfif, picture = b"", Pieces()
    for code, marker, end in _segments(reader):
        if code in _PICTURE:
            picture.copy(marker, end)
        elif code == _APP0 and not jfif:
            jfif = _head(reader, marker, end, _JFIF, _JFIF_BYTES)
        elif code == _APP14:
            picture.write(_segment(_APP14, _head(reader, marker, end, _ADOBE, _ADOBE_BYTES)))
    made = Pieces()
    made.write(_SOI + _segment(_APP0, jfif and jfif[:-2] + b"\0\0") + _metadata(kept))
    made.extend(picture)
    made.write(_EOI)
    return made


def _segments(reader: Reader) -> Iterator[tuple[int, int, int]]:
    """(code, offset of the marker, end) of each segment of a picture that the door has seen; a scan has its data."""
    offset = 2
    while True:
        marker = reader.find(_MARKER, offset)
        if marker is None:
            raise BrokenImage("the JPEG has no end")
        code = reader.read(marker + 1, 1, "a marker")[0]
        offset = marker + 2
        if code == _END:
            return
        if code in _RESTARTS or code == _TEM:
            continue
        offset += int.from_bytes(reader.read(offset, 2, "a segment"), "big")
        if code == _SOS:
            end = reader.find(_MARKER_AFTER_DATA, offset)
            if end is None:
                raise BrokenImage("the JPEG has no end")
            offset = end
        yield code, marker, offset


def _head(reader: Reader, marker: int, end: int, prefix: bytes, length: int) -> bytes:
    """The first *length* bytes of a segment that begins with *prefix*; nothing of any other."""
    start = marker + 4
    if end - start < length:
        return b""
    head = reader.read(start, length, "a segment")
    return head if head.startswith(prefix) else b""


def _metadata(kept: Kept) -> bytes:
    exif = b"" if kept.exif is None else _segment(_APP1, _EXIF + kept.exif)
    profile = kept.icc or b""
    pieces = [profile[at : at + _MAX_PROFILE_PIECE] for at in range(0, len(profile), _MAX_PROFILE_PIECE)]
    # ICC.1:2022, B.4: sequence number from 1, number of all chunks.
    return exif + b"".join(
        _segment(_APP2, _ICC + bytes([number, len(pieces)]) + piece) for number, piece in enumerate(pieces, 1)
    )


def _segment(code: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content if content else b""
