"""The frames of an APNG, each as a PNG of its own (W3C Portable Network Graphics, Third Edition, 4.9 and 11.3.6)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from vignette.errors import BrokenImage
from vignette.pixels.containers.coded_frames import CodedFrame, Disposal
from vignette.pixels.containers.png_animation import ACTL, FCTL, SEQUENCE
from vignette.pixels.containers.png_chunks import CRC, HEADER, Chunk, as_chunk, chunks
from vignette.pixels.containers.png_pixels import is_in_place
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import PNG_SIGNATURE
from vignette.pixels.pieces import Pieces

_DISPOSALS: Final = (Disposal.KEEP, Disposal.CLEAR, Disposal.RESTORE)

# A delay whose denominator is 0 is in hundredths of a second.
_HUNDREDTHS: Final = 100


def coded_frames(reader: Reader) -> Iterator[CodedFrame]:
    """
    Yield each frame of an APNG that has passed the door with its animation.

    The still picture is the first frame only if an `fcTL` stands before it.

    Raises:
        BrokenImage: A chunk cannot be read, or the checksum of a frame's data is wrong.
    """
    head, frame, left = _Head(reader), None, 0
    for chunk in chunks(reader):
        if chunk.kind == b"acTL":
            left, _ = reader.unpack(ACTL, chunk.start, chunk.what)
        elif chunk.kind == b"fcTL":
            if frame is not None:
                yield frame.coded()
            if not left:
                return
            left -= 1
            frame = _Frame(reader, head, chunk)
        elif chunk.kind in (b"IDAT", b"fdAT") and frame is not None:
            frame.take(chunk)
        else:
            head.take(chunk)
    if frame is not None:
        yield frame.coded()


def plays(reader: Reader) -> int:
    """Return how many times an APNG that has passed the door is played; 0 stands for ever."""
    for chunk in chunks(reader):
        if chunk.kind == b"acTL":
            return int(reader.unpack(ACTL, chunk.start, chunk.what)[1])
    return 0


class _Head:
    """What the frames have in common: the header but for its size, the palette and the transparency."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._header = b""
        self._colours = Pieces()

    def take(self, chunk: Chunk) -> None:
        if chunk.kind == b"IHDR":
            self._header = self._reader.read(chunk.start, chunk.length, chunk.what)
        elif chunk.kind in (b"PLTE", b"tRNS") and is_in_place(self._reader, chunk, has_data=False):
            self._colours.copy(chunk.header, chunk.end)

    def begun(self, width: int, height: int) -> Pieces:
        """Begin a PNG of *width* × *height* pixels, up to its data."""
        made = Pieces()
        made.write(PNG_SIGNATURE)
        made.write(as_chunk(b"IHDR", struct.pack(">II", width, height) + self._header[8:]))
        made.extend(self._colours)
        return made


class _Frame:
    """The frame that *control*, an `fcTL`, describes, and the data that follow it."""

    def __init__(self, reader: Reader, head: _Head, control: Chunk) -> None:
        self._reader = reader
        self._head = head
        fields = reader.unpack(FCTL, control.start, control.what)
        _, self._width, self._height, self._left, self._top, delay, of_second, disposal, blending = fields
        self._milliseconds = 1000 * delay / (of_second or _HUNDREDTHS)
        self._disposal = _DISPOSALS[disposal]
        self._blends = bool(blending)
        self._data = Pieces()

    def take(self, chunk: Chunk) -> None:
        if chunk.kind == b"IDAT":
            self._data.copy(chunk.header, chunk.end)
            return
        start, length = chunk.start + SEQUENCE.size, chunk.length - SEQUENCE.size
        told, crc = zlib.crc32(b"fdAT"), zlib.crc32(b"IDAT")
        told = zlib.crc32(self._reader.read(chunk.start, SEQUENCE.size, chunk.what), told)
        for piece in self._reader.chunks(start, length, chunk.what):
            told, crc = zlib.crc32(piece, told), zlib.crc32(piece, crc)
        if told != self._reader.unpack(CRC, chunk.start + chunk.length, chunk.what)[0]:
            raise BrokenImage(f"{chunk.what} is damaged: its checksum is wrong")
        self._data.write(HEADER.pack(length, b"IDAT"))
        self._data.copy(start, start + length)
        self._data.write(CRC.pack(crc))

    def coded(self) -> CodedFrame:
        still = self._head.begun(self._width, self._height)
        still.extend(self._data)
        still.write(as_chunk(b"IEND"))
        return CodedFrame(
            still=still,
            left=self._left,
            top=self._top,
            width=self._width,
            height=self._height,
            milliseconds=self._milliseconds,
            disposal=self._disposal,
            blends=self._blends,
        )
