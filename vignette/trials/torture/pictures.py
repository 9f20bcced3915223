"""Files to send, all different: sound ones, some that only a decoder finds broken, and some that are to be refused."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from vignette.settings import PROJECT_FOLDER

_PHOTO: Final = PROJECT_FOLDER / "image_test" / "photo.jpg"

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

# PNG has the filters 0 to 4 (9.2). The door inflates rows, but only a decoder looks at their filters.
_NO_FILTER: Final = 9

# The checksums of the zlib stream and of IDAT, and IEND. Without them, all pixels may be there.
_BEHIND_PIXELS: Final = 4 + 4 + 12


class Fate(StrEnum):
    """What has to become of a file."""

    READY = "ready"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Picture:
    content: bytes
    fate: Fate


def any_picture(random: Random) -> Picture:
    """Return a file that most often is sound and small, because the torture tries the service, not the processor."""
    make = random.choices((_png, _bmp, _photo, _undecodable, _cut_off, _text), (70, 10, 2, 6, 8, 4))[0]
    return make(random)


def _png(random: Random) -> Picture:
    width, height = random.randint(4, 60), random.randint(4, 60)
    rows = b"".join(b"\0" + random.randbytes(3 * width) for _ in range(height))
    return Picture(_as_png(width, height, zlib.compress(rows, 1), random), Fate.READY)


def _bmp(random: Random) -> Picture:
    width, height = 4 * random.randint(1, 15), random.randint(4, 60)
    pixels = random.randbytes(3 * width * height)
    header = struct.pack("<2sIHHI", b"BM", 54 + len(pixels), 0, 0, 54)
    return Picture(
        header + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0) + pixels, Fate.READY
    )


def _photo(random: Random) -> Picture:
    content = _PHOTO.read_bytes()
    comment = random.randbytes(16).hex().encode()
    return Picture(content[:2] + struct.pack(">HH", 0xFFFE, len(comment) + 2) + comment + content[2:], Fate.READY)


def _undecodable(random: Random) -> Picture:
    rows = bytes([_NO_FILTER]) + bytes(3 * 50)
    return Picture(_as_png(50, 50, zlib.compress(rows * 50), random), Fate.FAILED)


def _cut_off(random: Random) -> Picture:
    content = _png(random).content
    return Picture(content[: random.randint(60, len(content) - _BEHIND_PIXELS - 1)], Fate.REFUSED)


def _text(random: Random) -> Picture:
    return Picture(random.randbytes(40).hex().encode(), Fate.REFUSED)


def _as_png(width: int, height: int, compressed: bytes, random: Random) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    comment = b"Comment\0" + random.randbytes(16).hex().encode()
    chunks = ((b"IHDR", header), (b"tEXt", comment), (b"IDAT", compressed), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
