"""A PNG or APNG without what it says of itself: of its chunks those stay that change how its pixels look."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import PNG_SIGNATURE
from vignette.pixels.publishing.kept import Kept
from vignette.pixels.publishing.splice import Pieces

_HEADER: Final = struct.Struct(">I4s")
_CRC_BYTES: Final = 4

_PICTURE: Final = frozenset({b"IHDR", b"PLTE", b"IDAT"})
_ANIMATION: Final = frozenset({b"acTL", b"fcTL", b"fdAT"})
# Once each, and no longer than they may be: nothing else hides in them (PNG, Third Edition, 11.3).
_LOOKS: Final = {
    b"tRNS": range(1, 257),
    b"gAMA": range(4, 5),
    b"cHRM": range(32, 33),
    b"sRGB": range(1, 2),
    b"sBIT": range(1, 5),
    b"cICP": range(4, 5),
    b"mDCV": range(24, 25),
    b"cLLI": range(8, 9),
    b"pHYs": range(9, 10),
}
_PROFILE: Final = b"iCCP"


def publish(reader: Reader, kept: Kept, *, is_animated: bool) -> Pieces:
    made = Pieces()
    made.write(PNG_SIGNATURE)
    seen: set[bytes] = set()
    for kind, start, end in _chunks(reader):
        if _stays(kind, end - start - _HEADER.size - _CRC_BYTES, kind in seen, is_animated):
            made.copy(start, end)
        elif kind == _PROFILE and kind not in seen and kept.icc:
            # Its name is the writer's to choose, and so is what lies behind the compressed profile: both are ours now.
            made.write(_chunk(_PROFILE, b"ICC\0\0" + zlib.compress(kept.icc)))
        if kind == b"IHDR" and kept.exif is not None:
            made.write(_chunk(b"eXIf", kept.exif))
        seen.add(kind)
    made.write(_chunk(b"IEND", b""))
    return made


def _stays(kind: bytes, length: int, is_second: bool, is_animated: bool) -> bool:
    if kind in _ANIMATION:
        return is_animated and not (kind == b"acTL" and is_second)
    return kind in _PICTURE or (not is_second and length in _LOOKS.get(kind, ()))


def _chunks(reader: Reader) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of each chunk before the last, of a picture that the door has seen."""
    offset = len(PNG_SIGNATURE)
    while True:
        length, kind = reader.unpack(_HEADER, offset, "a chunk")
        if kind == b"IEND":
            return
        end = offset + _HEADER.size + length + _CRC_BYTES
        yield kind, offset, end
        offset = end


def _chunk(kind: bytes, content: bytes) -> bytes:
    return _HEADER.pack(len(content), kind) + content + zlib.crc32(kind + content).to_bytes(_CRC_BYTES, "big")
