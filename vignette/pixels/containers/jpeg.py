"""
JPEG: ITU-T T.81 (ISO/IEC 10918-1), with the application segments that cameras and editors put in.

What lies behind the end-of-image marker is not looked at: phones keep further pictures (MPO), a film or a gain map
there.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vignette.errors import BrokenImage, UnsupportedFormat
from vignette.limits import KIB
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers import mpf, photoshop
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.containers.collector import Collector, decode_text
from vignette.pixels.containers.exif import orientation_of
from vignette.pixels.containers.reader import Reader

# A segment holds 64 KiB: this is over 1 GB of metadata, and a moment's work.
_MAX_SEGMENTS: Final = 20_000

# Each scan is a pass over all pixels for a decoder, and a few bytes can ask for one. Encoders write about ten, and
# eighteen for four components (libjpeg's jpeg_simple_progression); this leaves room for scripts of one's own.
_MAX_SCANS: Final = 100

# Of 8 × 8 samples, in 16 bits.
_BLOCK_COEFFICIENT_BYTES: Final = 128

# A frame header or scan header holds a few bytes for each of at most four components.
_MAX_HEADER_BYTES: Final = 1 * KIB

# Baseline, extended sequential, progressive, all in Huffman coding.
_PROGRESSIVE: Final = 0xC2
_FRAMES: Final = (0xC0, 0xC1, _PROGRESSIVE)
# Lossless, hierarchical and arithmetic coding: no browser shows them, and decoders are little tested with them.
_FOREIGN_FRAMES: Final = (0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xDE)
_SOI, _EOI, _SOS, _DNL, _COM = 0xD8, 0xD9, 0xDA, 0xDC, 0xFE
_DHT, _DAC, _DQT, _DRI, _EXP = 0xC4, 0xCC, 0xDB, 0xDD, 0xDF
_APP0, _APP1, _APP2, _APP13 = 0xE0, 0xE1, 0xE2, 0xED
_RESTARTS: Final = range(0xD0, 0xD8)
_TEM: Final = 0x01
_KNOWN: Final = frozenset({_DHT, _DAC, _DQT, _DRI, _DNL, _EXP, *range(0xE0, 0x100)})

# Bytes between segments are skipped, as decoders do; FF 00 is a data byte, FF FF a fill byte.
_MARKER: Final = re.compile(rb"\xff[\x01-\xfe]")
# Restart markers are part of a scan's data.
_MARKER_AFTER_DATA: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")

_LENGTH: Final = struct.Struct(">H")
_FRAME: Final = struct.Struct(">BHHB")

_EXIF: Final = b"Exif\0"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED_XMP: Final = b"http://ns.adobe.com/xmp/extension/\0"
_ICC: Final = b"ICC_PROFILE\0"
_PHOTOSHOP: Final = b"Photoshop 3.0\0"
_MULTI_PICTURE: Final = b"MPF\0"
# JFIF 1.02: name, version, density, width and height of an RGB thumbnail, which follows.
_JFIF: Final = struct.Struct(">5s7xBB")
# Its extension: name, and the kind of the thumbnail that follows.
_JFXX_BYTES: Final = 6
_GUID_BYTES: Final = 32
# XMP Specification Part 3, 1.1.3.1: the main packet names its extension, in an attribute or in an element.
_EXTENSION_NAMED: Final = re.compile(rb"HasExtendedXMP[\s=\"'>]{1,9}([0-9A-Fa-f]{32})")


@dataclass(frozen=True, slots=True)
class _Component:
    """A colour component, the `index`th of its frame; `blocks` of 8 × 8 samples are the fewest that hold it."""

    index: int
    id: int
    blocks: int


@dataclass(frozen=True, slots=True)
class _Frame:
    width: int
    height: int
    components: tuple[_Component, ...]
    is_progressive: bool

    @property
    def coefficient_bytes(self) -> int:
        return sum(component.blocks for component in self.components) * _BLOCK_COEFFICIENT_BYTES


def parse(reader: Reader, bounds: Bounds) -> Anatomy:
    return _Walk(reader, bounds).run()


class _Walk:
    """The way from marker to marker, and what was found on it."""

    def __init__(self, reader: Reader, bounds: Bounds) -> None:
        self._reader = reader
        self._bounds = bounds
        self._collector = Collector()
        self._segments = _Segments(self._collector)
        self._frame: _Frame | None = None
        self._begun: set[_Component] = set()
        self._scans = 0
        self._is_in_one_scan = True

    def run(self) -> Anatomy:
        offset = 2
        for _ in range(_MAX_SEGMENTS):
            found = self._reader.find(_MARKER, offset)
            if found is None:
                raise BrokenImage(f"the file ends at byte {self._reader.size:,} without the end-of-image marker")
            code = self._reader.read(found + 1, 1, "a marker")[0]
            offset = found + 2
            if code == _EOI:
                return self._finish(found)
            if code not in _RESTARTS and code != _TEM:
                offset = self._segment(code, found)
        raise BrokenImage(f"the JPEG has more than {_MAX_SEGMENTS:,} segments")

    def _segment(self, code: int, marker: int) -> int:
        """Take the segment of the *marker* at that offset; return where the next marker may be."""
        if code in _FOREIGN_FRAMES:
            raise UnsupportedFormat(
                f"a JPEG in lossless, hierarchical or arithmetic coding (marker FF {code:02X} at byte {marker:,})"
            )
        if code not in _FRAMES and code != _SOS and code not in _KNOWN:
            raise BrokenImage(f"an unexpected marker FF {code:02X} is at byte {marker:,}")
        what = f"the segment FF {code:02X} at byte {marker:,}"
        start = marker + 2 + _LENGTH.size
        (length,) = self._reader.unpack(_LENGTH, marker + 2, what)
        end: int = marker + 2 + length
        if length < _LENGTH.size:
            raise BrokenImage(f"{what} claims a length of {length}")
        self._reader.require(start, end - start, what)
        if code in _FRAMES:
            self._take_frame(self._header(start, end, what), marker, is_progressive=code == _PROGRESSIVE)
        elif code == _SOS:
            return self._take_scan(self._header(start, end, what), marker, end)
        else:
            self._segments.take(self._reader, code, start, end - start)
        return end

    def _header(self, start: int, end: int, what: str) -> bytes:
        if end - start > _MAX_HEADER_BYTES:
            raise BrokenImage(f"{what} is {end - start:,} bytes long")
        return self._reader.read(start, end - start, what)

    def _take_frame(self, header: bytes, marker: int, *, is_progressive: bool) -> None:
        if self._frame is not None:
            raise BrokenImage(f"a second frame header is at byte {marker:,}")
        if len(header) < _FRAME.size:
            raise BrokenImage(f"the frame header at byte {marker:,} is {len(header)} bytes long")
        bits, height, width, count = _FRAME.unpack_from(header)
        self._bounds.check_size(width, height)
        if bits != 8:
            raise UnsupportedFormat(f"a JPEG of {bits} bits per sample")
        if count not in (1, 3, 4):
            raise UnsupportedFormat(f"a JPEG of {count} colour components")
        if len(header) != _FRAME.size + 3 * count:
            raise BrokenImage(f"the frame header at byte {marker:,} is {len(header)} bytes long")
        self._frame = _Frame(width, height, _components(header[_FRAME.size :], width, height), is_progressive)

    def _take_scan(self, header: bytes, marker: int, start: int) -> int:
        """Take a scan whose data begin at *start*; return where they end."""
        if self._frame is None:
            raise BrokenImage(f"picture data begin at byte {marker:,} before the frame header")
        self._scans += 1
        if self._scans > _MAX_SCANS:
            raise BrokenImage(f"the JPEG has more than {_MAX_SCANS} scans")
        if not header or not 1 <= header[0] <= 4 or len(header) != 4 + 2 * header[0]:
            raise BrokenImage(f"the scan header at byte {marker:,} is damaged")
        components = _select(self._frame, header[1:-3:2])
        if len(components) != header[0]:
            raise BrokenImage(f"the scan at byte {marker:,} is of components that the frame does not have")
        self._is_in_one_scan &= len(components) == len(self._frame.components) and not self._frame.is_progressive
        end = self._reader.find(_MARKER_AFTER_DATA, start)
        if end is None:
            raise BrokenImage(f"the file ends at byte {self._reader.size:,}, within the scan of byte {marker:,}")
        if header[-3] == 0:
            self._check_data(components, marker, end - start)
            self._begun.update(components)
        return end

    def _check_data(self, components: Sequence[_Component], marker: int, length: int) -> None:
        """A scan that begins at coefficient 0 spends a bit or more on each block of 8 × 8 samples (T.81, F and G)."""
        least = math.ceil(sum(component.blocks for component in components) / 8)
        if length < least:
            raise BrokenImage(f"the scan at byte {marker:,} has {length:,} bytes of data, its pixels need {least:,}")

    def _finish(self, marker: int) -> Anatomy:
        if self._frame is None or not self._begun:
            raise BrokenImage(f"the JPEG ends at byte {marker:,} without a picture")
        if len(self._begun) < len(self._frame.components):
            raise BrokenImage(f"the JPEG ends at byte {marker:,} before all of its colour components")
        self._segments.assemble()
        return Anatomy(
            format=formats.JPEG,
            width=self._frame.width,
            height=self._frame.height,
            orientation=orientation_of(self._collector),
            # Its pixels are made when all scans are there.
            held_bytes=0 if self._is_in_one_scan else self._frame.coefficient_bytes,
            blocks=self._collector.blocks(),
        )


def _components(entries: bytes, width: int, height: int) -> tuple[_Component, ...]:
    """The components of a frame header (T.81, B.2.2): identifier, sampling factors, quantization table."""
    factors = [(across_down >> 4, across_down & 15) for across_down in entries[1::3]]
    if not all(1 <= factor <= 4 for pair in factors for factor in pair):
        raise BrokenImage("the frame header has sampling factors that are not 1 to 4")
    most_across, most_down = max(across for across, _ in factors), max(down for _, down in factors)
    return tuple(
        _Component(index, identifier, _blocks(width * across, most_across) * _blocks(height * down, most_down))
        for index, (identifier, (across, down)) in enumerate(zip(entries[::3], factors, strict=True))
    )


def _select(frame: _Frame, identifiers: bytes) -> Sequence[_Component]:
    """The components that a scan names. Some writers give all of a frame the same identifier; decoders take them."""
    waiting = list(frame.components)
    selected = []
    for identifier in identifiers:
        component = next((each for each in waiting if each.id == identifier), None)
        if component is not None:
            waiting.remove(component)
            selected.append(component)
    return selected


def _blocks(samples: int, factor: int) -> int:
    return math.ceil(math.ceil(samples / factor) / 8)


class _Segments:
    """Metadata segments; some blocks are spread over several of them."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._icc: list[tuple[int, int, bytes]] = []
        self._photoshop: list[bytes] = []
        self._xmp: list[bytes] = []
        self._extended_xmp: dict[bytes, list[tuple[int, bytes]]] = {}
        self._has_pictures = False

    def take(self, reader: Reader, code: int, offset: int, length: int) -> None:
        if code == _COM:
            comment = self._collector.read(reader, offset, length, "comment")
            if comment:
                self._collector.add_text(b"Comment", comment, decode_text)
        elif code == _APP0:
            self._take_app0(reader, offset, length)
        elif code == _APP1:
            self._take_app1(reader, offset, length)
        elif code == _APP2:
            self._take_icc(self._body(reader, offset, length, _ICC, "ICC segment"))
            self._take_pictures(reader, offset, length)
        elif code == _APP13:
            resources = self._body(reader, offset, length, _PHOTOSHOP, "Photoshop segment")
            if resources:
                self._photoshop.append(resources)

    def assemble(self) -> None:
        """Hand over what is spread over segments, now that all of them were seen."""
        if self._icc:
            self._collector.set_icc(self._profile())
        if self._photoshop:
            # A resource may begin in one segment and end in the next.
            photoshop.take(b"".join(self._photoshop), self._collector)
        for packet in self._xmp:
            self._collector.add_xmp(packet)
        named = {guid for packet in self._xmp for guid in _EXTENSION_NAMED.findall(packet)}
        for guid, pieces in self._extended_xmp.items():
            if guid in named:
                self._take_extended(guid, sorted(pieces, key=lambda piece: piece[0]))
            else:
                self._collector.warn(f"extended XMP {guid.decode('latin-1')!r} is left out: no XMP packet names it")

    def _body(self, reader: Reader, offset: int, length: int, prefix: bytes, what: str) -> bytes | None:
        """The segment after *prefix*; None if it begins with something else, or is too much."""
        if length < len(prefix) or reader.read(offset, len(prefix), what) != prefix:
            return None
        return self._collector.read(reader, offset + len(prefix), length - len(prefix), what)

    def _take_app0(self, reader: Reader, offset: int, length: int) -> None:
        head = reader.read(offset, min(length, _JFIF.size), "JFIF segment")
        if head.startswith(b"JFIF\0") and length >= _JFIF.size:
            _, width, height = _JFIF.unpack(head)
            self._collector.add_preview("JFIFThumbnail", min(3 * width * height, length - _JFIF.size))
        elif head.startswith(b"JFXX\0"):
            self._collector.add_preview("JFXXThumbnail", length - _JFXX_BYTES)

    def _take_app1(self, reader: Reader, offset: int, length: int) -> None:
        exif = self._body(reader, offset, length, _EXIF, "EXIF block")
        if exif is not None:
            self._collector.set_exif(exif[1:])  # after "Exif\0" comes another zero, or with some writers anything
            return
        packet = self._body(reader, offset, length, _XMP, "XMP packet")
        if packet:
            self._xmp.append(packet)
            return
        piece = self._body(reader, offset, length, _EXTENDED_XMP, "extended XMP")
        if piece and len(piece) > _GUID_BYTES + 8:
            # XMP Specification Part 3, 1.1.3.1: GUID, full length, offset of this piece.
            at = int.from_bytes(piece[_GUID_BYTES + 4 : _GUID_BYTES + 8], "big")
            self._extended_xmp.setdefault(piece[:_GUID_BYTES], []).append((at, piece[_GUID_BYTES + 8 :]))

    def _take_icc(self, body: bytes | None) -> None:
        # ICC.1:2022, B.4: sequence number from 1, number of all chunks.
        if body and len(body) > 2:
            self._icc.append((body[0], body[1], body[2:]))

    def _take_pictures(self, reader: Reader, offset: int, length: int) -> None:
        if self._has_pictures:
            return
        index = self._body(reader, offset, length, _MULTI_PICTURE, "index of further pictures")
        if index:
            self._has_pictures = True  # there is one; a thousand would be a list of millions
            mpf.note_pictures(index, offset + len(_MULTI_PICTURE), reader.size, self._collector)

    def _profile(self) -> bytes:
        chunks = sorted(self._icc, key=lambda chunk: chunk[0])
        if [number for number, _, _ in chunks] != list(range(1, chunks[0][1] + 1)):
            self._collector.warn(f"the {len(chunks)} chunks of the ICC profile are numbered wrongly")
        return b"".join(piece for _, _, piece in chunks)

    def _take_extended(self, guid: bytes, pieces: Sequence[tuple[int, bytes]]) -> None:
        starts = [at for at, _ in pieces]
        ends = [at + len(piece) for at, piece in pieces]
        if starts != [0, *ends[:-1]]:
            self._collector.warn(f"extended XMP {guid.decode('latin-1')!r} is left out: pieces of it are missing")
            return
        self._collector.add_xmp(b"".join(piece for _, piece in pieces))
