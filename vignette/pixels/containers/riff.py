"""The chunks of a WebP, which is a RIFF (RFC 9649, 2.3 and 2.4)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from vignette.errors import BrokenImage
from vignette.pixels.containers.reader import Reader
from vignette.pixels.pieces import Pieces

HEADER: Final = struct.Struct("<4sI")
ANMF_BYTES: Final = 16

# Beside the frames, which have a limit of their own, there are seven kinds of chunk; the rest are unknown ones.
_MAX_CHUNKS: Final = 100_000
# A frame holds its alpha, its picture, and unknown chunks.
_MAX_FRAME_CHUNKS: Final = 100

_FIRST_CHUNK: Final = 12


class Chunk(NamedTuple):
    """The content of `length` bytes begins at `start`."""

    kind: bytes
    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length

    @property
    def what(self) -> str:
        """Its name in the words of an error."""
        return f"the chunk {self.kind.decode('latin-1')!r} at byte {self.start - HEADER.size:,}"


def chunks(reader: Reader) -> Iterator[Chunk]:
    """
    Yield each chunk of the file.

    Raises:
        BrokenImage: The file ends too soon, a chunk goes over the end, or there are more chunks than a picture has.
    """
    return _chunks(reader, _FIRST_CHUNK, _end(reader), _MAX_CHUNKS)


def with_last_padding(reader: Reader, last: Chunk) -> Pieces | None:
    """
    Return the file, which ends with the chunk *last*, with the zero that fills up an odd chunk; None if it lacks none.

    The length of the RIFF leaves that byte out in files of some writers, and libwebp takes none of these.
    """
    if last.length % 2 == 0 or last.end < _end(reader):
        return None
    mended = Pieces()
    mended.write(b"RIFF" + struct.pack("<I", last.end - 8 + 1))
    mended.copy(8, last.end)
    mended.write(b"\0")
    return mended


def _end(reader: Reader) -> int:
    (length,) = struct.unpack("<I", reader.read(4, 4, "the RIFF header"))
    reader.require(8, length, "the RIFF chunk")
    return int(8 + length)


def chunks_of_frame(reader: Reader, frame: Chunk) -> Iterator[Chunk]:
    """Yield each chunk in an ANMF; raise `BrokenImage` as `chunks` does."""
    return _chunks(reader, frame.start + ANMF_BYTES, frame.end, _MAX_FRAME_CHUNKS)


def _chunks(reader: Reader, start: int, end: int, most: int) -> Iterator[Chunk]:
    offset = start
    for _ in range(most):
        if offset + HEADER.size > end:
            return
        kind, length = reader.unpack(HEADER, offset, "a chunk")
        chunk = Chunk(kind, offset + HEADER.size, length)
        if chunk.end > end:
            raise BrokenImage(f"{chunk.what} of {length:,} bytes goes over the end of what holds it, at byte {end:,}")
        yield chunk
        offset = chunk.end + length % 2
    raise BrokenImage(f"the WebP has more than {most:,} chunks")
