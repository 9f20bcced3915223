"""The chunks of a PNG: W3C Portable Network Graphics, Third Edition (2025), 5.3."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from vignette.errors import BrokenImage
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import PNG_SIGNATURE

HEADER: Final = struct.Struct(">I4s")
CRC: Final = struct.Struct(">I")

# libpng writes 8 KiB of data to a chunk, so these hold 800 MB, and are a second's work.
_MAX_CHUNKS: Final = 100_000


class Chunk(NamedTuple):
    """A chunk: its header begins at `header`, its content of `length` bytes at `start`; `end` is after the CRC."""

    kind: bytes
    header: int
    start: int
    length: int
    end: int

    @property
    def what(self) -> str:
        """Its name in the words of an error."""
        return f"the chunk {self.kind.decode()!r} at byte {self.header:,}"

    @property
    def is_critical(self) -> bool:
        return not self.kind[0] & 0x20


def chunks(reader: Reader) -> Iterator[Chunk]:
    """
    Yield each chunk from the first to IEND, whatever it holds. All of a chunk lies within the file.

    Raises:
        BrokenImage: There is no IEND, something before it is no chunk, or there are more chunks than a picture has.
    """
    offset = len(PNG_SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if offset == reader.size:
            raise BrokenImage(f"the file ends at byte {offset:,} without the chunk 'IEND'")
        start = offset + HEADER.size
        if start > reader.size:
            reader.require(offset, HEADER.size, f"a chunk at byte {offset:,}")
        length, kind = reader.unpack(HEADER, offset, "a chunk")
        if not kind.isalpha():
            raise BrokenImage(f"at byte {offset:,} should be a chunk, but {kind!r} is no name of one")
        chunk = Chunk(kind, offset, start, length, start + length + CRC.size)
        if chunk.end > reader.size:
            reader.require(start, length + CRC.size, chunk.what)
        yield chunk
        if kind == b"IEND":
            return
        offset = chunk.end
    raise BrokenImage(f"the PNG has more than {_MAX_CHUNKS:,} chunks")


def has_right_crc(reader: Reader, chunk: Chunk) -> bool:
    computed = zlib.crc32(chunk.kind)
    for piece in reader.chunks(chunk.start, chunk.length, chunk.what):
        computed = zlib.crc32(piece, computed)
    (told,) = reader.unpack(CRC, chunk.start + chunk.length, chunk.what)
    return computed == int(told)
