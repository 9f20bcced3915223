"""
A PNG or APNG without what it says of itself: only the chunks stay that change how its pixels look.

The picture data are inflated to find where they end (PNG, Third Edition, 10.2): decoders ignore what follows.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from vignette.errors import NotPublishable
from vignette.limits import KIB
from vignette.pixels.containers.png_animation import ACTL, FCTL, SEQUENCE
from vignette.pixels.containers.png_chunks import HEADER, Chunk, as_chunk, chunks, has_right_crc
from vignette.pixels.containers.png_data import data_bytes
from vignette.pixels.containers.png_pixels import is_in_place
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import PNG_SIGNATURE
from vignette.pixels.pieces import Pieces
from vignette.pixels.publishing.kept import Kept

_PALETTE, _TRANSPARENCY, _PROFILE, _DATA, _FRAME_DATA = b"PLTE", b"tRNS", b"iCCP", b"IDAT", b"fdAT"
# Each stays once, and only if it is as long as it has to be: nothing else hides in it (PNG, Third Edition, 11.3).
_LOOKS: Final = {
    b"gAMA": (4,),
    b"cHRM": (32,),
    b"sRGB": (1,),
    b"sBIT": (1, 2, 3, 4),
    b"cICP": (4,),
    b"mDCV": (24,),
    b"cLLI": (8,),
    b"pHYs": (9,),
}

_IHDR: Final = struct.Struct(">IIBB2xB")
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_INDEXED: Final = 3
# sBIT has a byte for each sample, of the colour and not of its number in the palette (11.3.2.7).
_SIGNIFICANT: Final = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}

_INFLATED_BYTES: Final = 64 * KIB


def publish(reader: Reader, kept: Kept, *, is_animated: bool) -> Pieces:
    return _Copy(reader, kept, is_animated=is_animated).run()


class _Copy:
    """A walk from chunk to chunk, and the copy that it makes."""

    def __init__(self, reader: Reader, kept: Kept, *, is_animated: bool) -> None:
        self._reader = reader
        self._kept = kept
        self._is_animated = is_animated
        self._made = Pieces()
        self._seen: set[bytes] = set()
        self._colours = 0
        # The door has found all frames that are announced; decoders ignore any others.
        self._frames_left = 0
        self._data: _Data | None = None

    def run(self) -> Pieces:
        self._made.write(PNG_SIGNATURE)
        for chunk in chunks(self._reader):
            self._take(chunk)
            self._seen.add(chunk.kind)
        self._made.write(as_chunk(b"IEND"))
        return self._made

    def _take(self, chunk: Chunk) -> None:
        if chunk.kind == b"IHDR":
            self._take_header(chunk)
        elif chunk.kind == _PALETTE:
            self._take_palette(chunk)
        elif chunk.kind == _DATA:
            if _DATA not in self._seen and self._data is None:
                self._data = self._begun(self._width, self._height)
            self._take_data(chunk, b"")
        elif chunk.kind in (b"acTL", b"fcTL", _FRAME_DATA):
            if self._is_animated:
                self._take_animation(chunk)
        elif chunk.kind == _PROFILE and self._kept.icc and chunk.kind not in self._seen:
            # The writer chose its name, and what lies behind the compressed profile; the copy has neither.
            self._made.write(as_chunk(_PROFILE, b"ICC\0\0" + zlib.compress(self._kept.icc)))
        elif self._changes_the_look(chunk):
            self._made.copy(chunk.header, chunk.end)

    def _take_header(self, chunk: Chunk) -> None:
        header = self._reader.unpack(_IHDR, chunk.start, chunk.what)
        self._width, self._height, self._bits, self._colour_type, interlace = header
        self._is_interlaced = bool(interlace)
        self._made.copy(chunk.header, chunk.end)
        if self._kept.exif is not None:
            self._made.write(as_chunk(b"eXIf", self._kept.exif))

    def _take_palette(self, chunk: Chunk) -> None:
        """Keep the colours that a pixel can have. In a picture of other pixels, a palette is advice (11.2.2)."""
        if self._colour_type != _INDEXED:
            return
        self._colours = min(chunk.length // 3, 1 << self._bits)
        if chunk.length == 3 * self._colours:
            self._made.copy(chunk.header, chunk.end)
        else:
            self._made.write(as_chunk(_PALETTE, self._reader.read(chunk.start, 3 * self._colours, chunk.what)))

    def _changes_the_look(self, chunk: Chunk) -> bool:
        # Behind the picture data, decoders do not look for any of these.
        if chunk.kind in self._seen or _DATA in self._seen:
            return False
        if chunk.kind == _TRANSPARENCY:
            fits = self._colour_type != _INDEXED or chunk.length <= self._colours
            return fits and is_in_place(self._reader, chunk, has_data=False)
        if chunk.kind == b"sBIT" and chunk.length != _SIGNIFICANT[self._colour_type]:
            return False
        return chunk.length in _LOOKS.get(chunk.kind, ()) and has_right_crc(self._reader, chunk)

    def _take_animation(self, chunk: Chunk) -> None:
        if chunk.kind == b"acTL":
            if _DATA not in self._seen and chunk.kind not in self._seen and chunk.length == ACTL.size:
                self._frames_left, _ = self._reader.unpack(ACTL, chunk.start, chunk.what)
                self._made.copy(chunk.header, chunk.end)
        elif chunk.kind == b"fcTL":
            self._finish_data()
            self._frames_left -= 1
            if self._frames_left >= 0:
                _, width, height, *_ = self._reader.unpack(FCTL, chunk.start, chunk.what)
                self._data = self._begun(width, height)
                self._made.copy(chunk.header, chunk.end)
        elif self._frames_left >= 0:
            sequence = self._reader.read(chunk.start, SEQUENCE.size, chunk.what)
            self._take_data(chunk, sequence)

    def _begun(self, width: int, height: int) -> _Data:
        bits = self._bits * _SAMPLES[self._colour_type]
        return _Data(data_bytes(width, height, bits, is_interlaced=self._is_interlaced))

    def _take_data(self, chunk: Chunk, head: bytes) -> None:
        """Copy a chunk, without what lies behind the end of the data; *head* is the number of an `fdAT`."""
        if self._data is None:
            return
        start, length = chunk.start + len(head), chunk.length - len(head)
        used = 0
        for piece in self._reader.chunks(start, length, chunk.what):
            used += self._data.take(piece, chunk.what)
        if used == length:
            self._made.copy(chunk.header, chunk.end)
        elif used or head:
            self._made.write(HEADER.pack(len(head) + used, chunk.kind) + head)
            self._made.copy(start, start + used)
            crc = zlib.crc32(chunk.kind + head)
            for piece in self._reader.chunks(start, used, chunk.what):
                crc = zlib.crc32(piece, crc)
            self._made.write(struct.pack(">I", crc))

    def _finish_data(self) -> None:
        self._data = None


class _Data:
    """Finds where compressed data end that should inflate to *needed* bytes."""

    def __init__(self, needed: int) -> None:
        self._left = needed
        self._stream = zlib.decompressobj()

    def take(self, piece: bytes, what: str) -> int:
        """Return how many bytes of *piece* belong to the data; raise `NotPublishable` if they hold more than pixels."""
        if self._stream.eof:
            return 0
        length = len(piece)
        try:
            while piece and not self._stream.eof:
                self._left -= len(self._stream.decompress(piece, _INFLATED_BYTES))
                if self._left < 0:
                    raise NotPublishable(f"{what} holds more than the pixels need, which cannot be cut off")
                piece = self._stream.unconsumed_tail
        except zlib.error as error:
            raise NotPublishable(f"{what} is damaged, so nobody can tell where the picture ends in it") from error
        return length - len(self._stream.unused_data)
