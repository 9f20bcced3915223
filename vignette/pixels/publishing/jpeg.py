"""
A JPEG without what it says of itself. Its frame, its scans and the tables that they read stay. Of its application
segments, only those stay that decoders need for the colours. All that lies behind the end of the picture goes too, and
what lies behind the end of the coded data within it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

from vignette.errors import NotPublishable
from vignette.pixels.containers.jpeg_segments import (
    APP0,
    APP1,
    APP2,
    APP14,
    ARITHMETIC,
    DHT,
    DQT,
    DRI,
    FRAMES,
    SOS,
    Segment,
    segments,
)
from vignette.pixels.containers.reader import Reader
from vignette.pixels.pieces import Pieces
from vignette.pixels.publishing.jpeg_scans import Scans, split_tables, tables_used
from vignette.pixels.publishing.kept import Kept

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"

_EXIF: Final = b"Exif\0\0"
_ICC: Final = b"ICC_PROFILE\0"
_MAX_PROFILE_PIECE: Final = 65535 - 2 - len(_ICC) - 2

# JFIF 1.02: version, units, density; after them comes a thumbnail, which the copy lacks.
_JFIF: Final = b"JFIF\0"
_JFIF_BYTES: Final = 14
# Adobe Technical Note 5116: version and flags, which decoders skip, and the colour transform that they ask for.
_ADOBE: Final = b"Adobe"
_ADOBE_BYTES: Final = 12
_ADOBE_BEGINNING: Final = _ADOBE + b"\0\x64\0\0\0\0"

# T.81, B.2.4.1: a table of quantization, with its first byte, by its precision.
_QUANTIZATION_BYTES: Final = {0: 1 + 64, 1: 1 + 128}
_RESTART_BYTES: Final = 2
# B.2.3: of a scan that is not progressive, decoders ignore these three bytes, which are always the same.
_WHOLE_BAND: Final = b"\0\x3f\0"


@dataclass(slots=True)
class _Tables:
    """A segment of tables, by their first byte, and those of them that a scan reads."""

    segment: Segment
    tables: list[tuple[int, bytes]]
    used: set[int] = field(default_factory=set)

    def put(self, made: Pieces) -> None:
        """Append the segment with the tables that are used. If a table is there twice, the last one counts."""
        kept = [table for at, (key, table) in enumerate(self.tables) if key in self.used and self._is_last(key, at)]
        if len(kept) == len(self.tables):
            made.copy(self.segment.marker, self.segment.stop)
        else:
            made.write(_segment(self.segment.code, b"".join(kept)))

    def _is_last(self, key: int, at: int) -> bool:
        return all(other != key for other, _ in self.tables[at + 1 :])


def publish(reader: Reader, kept: Kept) -> Pieces:
    return _Copy(reader).run(kept)


class _Copy:
    """A walk from segment to segment, and the picture that it makes."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._jfif = self._adobe = b""
        self._picture: list[Pieces | _Tables] = []
        self._in_force: dict[tuple[int, int], _Tables] = {}
        self._quantization: dict[int, int] = {}
        self._scans: Scans | None = None
        self._huffman: dict[int, bytes] = {}
        self._restart = 0

    def run(self, kept: Kept) -> Pieces:
        for segment in segments(self._reader):
            self._take(segment)
        made = Pieces()
        made.write(_SOI + _segment(APP0, self._jfif and self._jfif[:-2] + b"\0\0"))
        made.write(_segment(APP14, self._adobe) + _metadata(kept))
        for part in self._picture:
            part.put(made) if isinstance(part, _Tables) else made.extend(part)
        made.write(_EOI)
        return made

    def _take(self, segment: Segment) -> None:
        if segment.code in (DHT, DQT):
            self._take_tables(segment)
        elif segment.code == DRI:
            self._take_restart(segment)
        elif segment.code in ARITHMETIC:
            raise NotPublishable("nobody can tell where the picture ends in the data of a JPEG in arithmetic coding")
        elif segment.code in FRAMES:
            header = self._reader.read(segment.start, segment.length, segment.what)
            self._scans = Scans(segment, header)
            self._quantization = {header[at]: header[at + 2] for at in range(6, len(header), 3)}
            self._copy(segment.marker, segment.stop)
        elif segment.code == SOS:
            self._take_scan(segment)
        elif segment.code == APP0 and not self._jfif:
            self._jfif = _head(self._reader, segment, _JFIF, _JFIF_BYTES)
        elif segment.code == APP14 and (adobe := _head(self._reader, segment, _ADOBE, _ADOBE_BYTES)):
            self._adobe = _ADOBE_BEGINNING + adobe[-1:]

    def _copy(self, start: int, end: int) -> None:
        if not self._picture or isinstance(self._picture[-1], _Tables):
            self._picture.append(Pieces())
        last = self._picture[-1]
        if isinstance(last, Pieces):
            last.copy(start, end)

    def _take_tables(self, segment: Segment) -> None:
        content = self._reader.read(segment.start, segment.length, segment.what)
        lengths = None if segment.code == DHT else _QUANTIZATION_BYTES
        tables = _Tables(segment, split_tables(content, lengths, segment.what))
        self._picture.append(tables)
        for key, table in tables.tables:
            if segment.code == DHT:
                self._huffman[key] = table[1:]
                self._in_force[DHT, key] = tables
            else:
                # The upper half of the first byte is the precision: two tables of one number replace each other.
                for precision in _QUANTIZATION_BYTES:
                    self._in_force.pop((DQT, precision << 4 | key & 15), None)
                self._in_force[DQT, key] = tables

    def _take_restart(self, segment: Segment) -> None:
        if segment.length != _RESTART_BYTES:
            raise NotPublishable(f"{segment.what} should hold {_RESTART_BYTES} bytes, and holds {segment.length:,}")
        self._restart = int.from_bytes(self._reader.read(segment.start, _RESTART_BYTES, segment.what), "big")
        self._copy(segment.marker, segment.stop)

    def _take_scan(self, segment: Segment) -> None:
        scans = self._scans
        if scans is None:
            return  # the door takes no such picture
        header = self._reader.read(segment.start, segment.length, segment.what)
        for key in tables_used(scans, header):
            self._use(DHT, key)
        for identifier in header[1:-3:2]:
            for precision in _QUANTIZATION_BYTES:
                self._use(DQT, precision << 4 | self._quantization.get(identifier, 0))
        scans.tables, scans.restart = self._huffman, self._restart
        if scans.is_progressive or header.endswith(_WHOLE_BAND):
            self._copy(segment.marker, segment.stop)
        else:
            self._copy(segment.marker, segment.stop - len(_WHOLE_BAND))
            self._picture.append(_written(_WHOLE_BAND))
        for start, end in scans.ranges(self._reader, segment, header):
            self._copy(start, end)

    def _use(self, code: int, key: int) -> None:
        if tables := self._in_force.get((code, key)):
            tables.used.add(key)


def _written(content: bytes) -> Pieces:
    made = Pieces()
    made.write(content)
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
