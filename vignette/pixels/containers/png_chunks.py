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


class Unended(BrokenImage):
    """The chunks stop before IEND: the file ends, or goes on with what is no chunk."""


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
        Unended: There is no IEND, or something before it is no chunk.
        BrokenImage: There are more chunks than a picture has.
    """
    offset = len(PNG_SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        chunk = _chunk(reader, offset)
        yield chunk
        if chunk.kind == b"IEND":
            return
        offset = chunk.end
    raise BrokenImage(f"the PNG has more than {_MAX_CHUNKS:,} chunks")


def as_chunk(kind: bytes, content: bytes = b"") -> bytes:
    """Return a whole chunk with *content*."""
    return HEADER.pack(len(content), kind) + content + CRC.pack(zlib.crc32(kind + content))


def _chunk(reader: Reader, offset: int) -> Chunk:
    if offset == reader.size:
        raise Unended(f"the file ends at byte {offset:,} without the chunk 'IEND'")
    try:
        length, kind = reader.unpack(HEADER, offset, "a chunk")
        start = offset + HEADER.size
        chunk = Chunk(kind, offset, start, length, start + length + CRC.size)
        if not kind.isalpha():
            raise Unended(f"at byte {offset:,} should be a chunk, but no name of one is there")
        if chunk.end > reader.size:
            reader.require(start, length + CRC.size, chunk.what)
    except BrokenImage as error:
        raise Unended(str(error)) from None
    return chunk


def crc_of(reader: Reader, chunk: Chunk) -> int:
    """Return the checksum that *chunk* should have."""
    computed = zlib.crc32(chunk.kind)
    for piece in reader.chunks(chunk.start, chunk.length, chunk.what):
        computed = zlib.crc32(piece, computed)
    return computed


def has_right_crc(reader: Reader, chunk: Chunk) -> bool:
    (told,) = reader.unpack(CRC, chunk.start + chunk.length, chunk.what)
    return crc_of(reader, chunk) == int(told)
