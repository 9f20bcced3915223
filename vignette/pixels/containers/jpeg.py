"""
JPEG: ITU-T T.81 (ISO/IEC 10918-1), with the application segments that cameras and editors put in.

What lies behind the end-of-image marker is not looked at: phones keep further pictures (MPO), a film or a gain map
there. A JPEG without that marker is taken if all of its pixels are there all the same: see `jpeg_unended`.
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
from vignette.pixels.containers import icc, jpeg_suspect, jpeg_unended, mpf, photoshop
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.containers.collector import Collector
from vignette.pixels.containers.exif import orientation_of
from vignette.pixels.containers.jpeg_entropy import ScanPlan
from vignette.pixels.containers.jpeg_progressive import Pass
from vignette.pixels.containers.jpeg_segments import (
    APP0,
    APP1,
    APP2,
    APP13,
    ARITHMETIC,
    COM,
    DHT,
    DRI,
    EOI,
    FRAMES,
    PROGRESSIVE,
    SOS,
    Segment,
    Unended,
    segments,
)
from vignette.pixels.containers.reader import Reader
from vignette.pixels.pieces import Pieces

# Each scan is a pass over all pixels for a decoder, and a few bytes can ask for one. Encoders write about ten, and
# eighteen for four components (libjpeg's jpeg_simple_progression); this leaves room for scripts of one's own.
_MAX_SCANS: Final = 100

# The coefficients of a block of 8 × 8 samples, in 16 bits each.
_BLOCK_COEFFICIENT_BYTES: Final = 128

# The colour models of the profiles that browsers apply, by the number of colour components.
_MODELS: Final = {1: (icc.GREY, icc.RGB), 3: (icc.RGB,), 4: (icc.CMYK,)}

# A frame header or scan header holds a few bytes for each of at most four components.
_MAX_HEADER_BYTES: Final = 1 * KIB

_FRAME: Final = struct.Struct(">BHHB")
_END: Final = b"\xff\xd9"

_EXIF: Final = b"Exif\0"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED_XMP: Final = b"http://ns.adobe.com/xmp/extension/\0"
_ICC: Final = b"ICC_PROFILE\0"
_PHOTOSHOP: Final = b"Photoshop 3.0\0"
_MULTI_PICTURE: Final = b"MPF\0"
# JFIF 1.02: name, version, density, width and height of an RGB thumbnail, which follows.
_JFIF: Final = struct.Struct(">5s7xBB")
# The extension of JFIF: name, and the kind of the thumbnail that follows.
_JFXX_BYTES: Final = 6
_GUID_BYTES: Final = 32
# XMP Specification Part 3, 1.1.3.1: the main packet names its extension, in an attribute or in an element.
_EXTENSION_NAMED: Final = re.compile(rb"HasExtendedXMP[\s=\"'>]{1,9}([0-9A-Fa-f]{32})")


@dataclass(frozen=True, slots=True)
class _Component:
    """
    The `index`th colour component of its frame. `blocks` is how many blocks of 8 × 8 samples it takes at least;
    `across` and `down` are its sampling factors.
    """

    index: int
    id: int
    blocks: int
    across: int
    down: int


@dataclass(frozen=True, slots=True)
class _Frame:
    width: int
    height: int
    components: tuple[_Component, ...]
    is_progressive: bool
    is_arithmetic: bool

    @property
    def coefficient_bytes(self) -> int:
        return sum(component.blocks for component in self.components) * _BLOCK_COEFFICIENT_BYTES


@dataclass(frozen=True, slots=True)
class _Scan:
    segment: Segment
    header: bytes
    components: Sequence[_Component]


def parse(reader: Reader, bounds: Bounds) -> Anatomy:
    return _Walk(reader, bounds).run()


class _Walk:
    """A walk from marker to marker, and what it has found."""

    def __init__(self, reader: Reader, bounds: Bounds) -> None:
        self._reader = reader
        self._bounds = bounds
        self._collector = Collector()
        self._metadata = _Metadata(self._collector)
        self._frame: _Frame | None = None
        self._begun: set[_Component] = set()
        self._scans = 0
        self._is_in_one_scan = True
        self._tables: list[Segment] = []
        self._scan: _Scan | None = None
        self._all_scans: list[_Scan] = []

    def run(self) -> Anatomy:
        try:
            for segment in segments(self._reader):
                self._take(segment)
        except Unended as fault:
            return self._end_without_marker(fault)
        self._check_pixels(segment.marker + len(_END))
        return self._finish(segment.marker)

    def _take(self, segment: Segment) -> None:
        if segment.code in FRAMES:
            self._take_frame(self._header(segment), segment)
        elif segment.code == SOS:
            self._take_scan(self._header(segment), segment)
        elif segment.code in (DHT, DRI):
            self._tables.append(segment)
        elif segment.code != EOI:
            self._metadata.take(self._reader, segment.code, segment.start, segment.length)

    def _end_without_marker(self, fault: Unended) -> Anatomy:
        """Take the picture if its last scan is whole; else raise *fault*."""
        if self._scan is None or self._frame is None or self._frame.is_arithmetic:
            raise BrokenImage(str(fault)) from fault
        if self._frame.is_progressive:
            end = self._end_of_progressive(self._frame, self._scan)
        else:
            plan = self._plan(self._frame, self._scan)
            end = jpeg_unended.end_of_scan(self._reader, self._scan.segment, self._tables, plan)
        if end is None:
            raise BrokenImage(str(fault)) from fault
        self._begun.update(self._scan.components)
        self._collector.warn(f"the JPEG lacks its end-of-image marker, but all of its pixels are there: {fault}")
        return self._finish(end, jpeg_unended.ended(end))

    def _check_pixels(self, end: int) -> None:
        """Refuse a JPEG, which ends at byte *end*, that looks damaged and is."""
        frame, scans = self._frame, [scan.segment for scan in self._all_scans]
        if frame is None or frame.is_arithmetic or not self._bounds.checksums or not scans:
            return
        if sum(scan.end - scan.stop for scan in scans) > jpeg_suspect.MOST_BYTES:
            return
        if jpeg_suspect.looks_damaged(self._reader, scans, end) and self._are_damaged(frame):
            raise BrokenImage("the picture data are damaged: they do not code its pixels")

    def _are_damaged(self, frame: _Frame) -> bool:
        if not frame.is_progressive:
            plans = [(scan.segment, self._plan(frame, scan)) for scan in self._all_scans]
            return jpeg_suspect.lacks_blocks(self._reader, plans, self._tables)
        passes = [
            (scan.segment, [component.index for component in scan.components], self._pass(frame, scan))
            for scan in self._all_scans
        ]
        return jpeg_suspect.lacks_coefficients(self._reader, passes, self._tables)

    def _end_of_progressive(self, frame: _Frame, last: _Scan) -> int | None:
        """Return where the last scan ends, if it is whole and brings all coefficients to their full precision."""
        if not self._are_complete(frame):
            return None
        band = range(last.header[-3], last.header[-2] + 1)
        scans = [
            scan
            for scan in self._all_scans
            if scan.components == last.components
            and scan.header[-3] in range(1, band.stop)
            and scan.header[-2] >= band.start
        ]
        if not band.start:
            scans = [last]
        return jpeg_unended.end_of_progressive_scan(
            self._reader, [(scan.segment, self._pass(frame, scan)) for scan in scans], self._tables
        )

    def _are_complete(self, frame: _Frame) -> bool:
        """Whether the scans have all coefficients of all components to their last bit."""
        bits = {component: [-1] * 64 for component in frame.components}
        for scan in self._all_scans:
            first, last, both = scan.header[-3:]
            for component in scan.components:
                bits[component][first : last + 1] = [both & 15] * (min(last, 63) + 1 - first)
        return not any(any(each) for each in bits.values())

    def _pass(self, frame: _Frame, scan: _Scan) -> Pass:
        plan = self._plan(frame, scan)
        first, last, both = scan.header[-3:]
        return Pass(
            units=plan.units,
            dc=[dc for dc, _ in plan.blocks],
            ac=plan.blocks[0][1],
            first=first,
            last=min(last, 63),
            refines=both >> 4 > 0,
            restart=0,
            tables={},
            data=b"",
        )

    def _plan(self, frame: _Frame, scan: _Scan) -> ScanPlan:
        """Return what the scan is made of if it is whole (T.81, A.2)."""
        tables = [(both >> 4, both & 15) for both in scan.header[2:-3:2]]
        if len(scan.components) == 1:
            return ScanPlan(scan.components[0].blocks, tables)
        most_across = max(component.across for component in frame.components)
        most_down = max(component.down for component in frame.components)
        blocks = [
            pair
            for component, pair in zip(scan.components, tables, strict=True)
            for _ in range(component.across * component.down)
        ]
        units = math.ceil(frame.width / (8 * most_across)) * math.ceil(frame.height / (8 * most_down))
        return ScanPlan(units, blocks)

    def _header(self, segment: Segment) -> bytes:
        if segment.length > _MAX_HEADER_BYTES:
            raise BrokenImage(f"{segment.what} is {segment.length:,} bytes long")
        return self._reader.read(segment.start, segment.length, segment.what)

    def _take_frame(self, header: bytes, segment: Segment) -> None:
        marker = segment.marker
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
        components = _components(header[_FRAME.size :], width, height)
        is_arithmetic = segment.code in ARITHMETIC
        is_progressive = segment.code in (PROGRESSIVE, ARITHMETIC[1])
        self._frame = _Frame(width, height, components, is_progressive=is_progressive, is_arithmetic=is_arithmetic)

    def _take_scan(self, header: bytes, segment: Segment) -> None:
        marker = segment.marker
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
        self._scan = _Scan(segment, header, components)
        self._all_scans.append(self._scan)
        self._is_in_one_scan &= len(components) == len(self._frame.components) and not self._frame.is_progressive
        data_bytes = segment.end - segment.stop
        if header[-3] == 0:
            if not self._frame.is_arithmetic:
                self._check_data(components, marker, data_bytes)
            self._begun.update(components)

    def _check_data(self, components: Sequence[_Component], marker: int, length: int) -> None:
        """A Huffman scan that begins at coefficient 0 spends a bit or more on each block of 8 × 8 (T.81, F and G)."""
        least = math.ceil(sum(component.blocks for component in components) / 8)
        if length < least:
            raise BrokenImage(f"the scan at byte {marker:,} has {length:,} bytes of data, its pixels need {least:,}")

    def _finish(self, marker: int, mended: Pieces | None = None) -> Anatomy:
        if self._frame is None or not self._begun:
            raise BrokenImage(f"the JPEG ends at byte {marker:,} without a picture")
        if len(self._begun) < len(self._frame.components):
            raise BrokenImage(f"the JPEG ends at byte {marker:,} before all of its colour components")
        self._metadata.assemble()
        profile = self._collector.sound_profile(*_MODELS[len(self._frame.components)])
        return Anatomy(
            format=formats.JPEG,
            width=self._frame.width,
            height=self._frame.height,
            orientation=orientation_of(self._collector),
            # A decoder makes the pixels only when all scans are there, and holds the coefficients until then.
            held_bytes=0 if self._is_in_one_scan else self._frame.coefficient_bytes,
            is_arithmetic=self._frame.is_arithmetic,
            profile=profile,
            colour=profile,
            blocks=self._collector.blocks(),
            mended=mended,
        )


def _components(entries: bytes, width: int, height: int) -> tuple[_Component, ...]:
    """Return the components of a frame header (T.81, B.2.2): identifier, sampling factors, quantization table."""
    factors = [(across_down >> 4, across_down & 15) for across_down in entries[1::3]]
    if not all(1 <= factor <= 4 for pair in factors for factor in pair):
        raise BrokenImage("the frame header has sampling factors that are not 1 to 4")
    most_across, most_down = max(across for across, _ in factors), max(down for _, down in factors)
    return tuple(
        _Component(
            index, identifier, _blocks(width * across, most_across) * _blocks(height * down, most_down), across, down
        )
        for index, (identifier, (across, down)) in enumerate(zip(entries[::3], factors, strict=True))
    )


def _select(frame: _Frame, identifiers: bytes) -> Sequence[_Component]:
    """Return the components that a scan names. Some writers give all the same identifier, and decoders take that."""
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


class _Metadata:
    """Takes the segments of metadata. Some blocks are spread over several segments."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._icc: list[tuple[int, int, bytes]] = []
        self._photoshop: list[bytes] = []
        self._xmp: list[bytes] = []
        self._extended_xmp: dict[bytes, list[tuple[int, bytes]]] = {}
        self._has_pictures = False

    def take(self, reader: Reader, code: int, offset: int, length: int) -> None:
        if code == COM:
            comment = self._collector.read(reader, offset, length, "comment")
            if comment:
                self._collector.add_text(b"Comment", comment)
        elif code == APP0:
            self._take_app0(reader, offset, length)
        elif code == APP1:
            self._take_app1(reader, offset, length)
        elif code == APP2:
            self._take_icc(self._body(reader, offset, length, _ICC, "ICC segment"))
            self._take_pictures(reader, offset, length)
        elif code == APP13:
            resources = self._body(reader, offset, length, _PHOTOSHOP, "Photoshop segment")
            if resources:
                self._photoshop.append(resources)

    def assemble(self) -> None:
        """Hand over the blocks that are spread over segments, once all segments were seen."""
        if self._icc:
            self._set_profile()
        if self._photoshop:
            # A resource may begin in one segment and end in the next.
            resources = b"".join(self._photoshop)
            self._photoshop.clear()
            photoshop.take(resources, self._collector)
        for packet in self._xmp:
            self._collector.add_xmp(packet)
        named = {guid for packet in self._xmp for guid in _EXTENSION_NAMED.findall(packet)}
        for guid, pieces in self._extended_xmp.items():
            if guid in named:
                self._take_extended(guid, sorted(pieces, key=lambda piece: piece[0]))
            else:
                self._collector.warn(f"extended XMP {guid.decode('latin-1')!r} is left out: no XMP packet names it")

    def _body(self, reader: Reader, offset: int, length: int, prefix: bytes, what: str) -> bytes | None:
        """Return what follows *prefix* in the segment; None if it begins with something else, or is too much."""
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
            self._has_pictures = True  # a file has one; a thousand of them would list millions of pictures
            mpf.note_pictures(index, offset + len(_MULTI_PICTURE), reader.size, self._collector)

    def _set_profile(self) -> None:
        """Put the profile together. If the first chunk says that it is the only one, it is: so do browsers."""
        first, count, _ = self._icc[0]
        chunks = [self._icc[0]] if (first, count) == (1, 1) else sorted(self._icc, key=lambda chunk: chunk[0])
        is_numbered = [number for number, _, _ in chunks] == list(range(1, count + 1))
        is_counted = {count for _, count, _ in chunks} == {count}
        fault = None if is_numbered and is_counted else f"its {len(chunks)} chunks are numbered wrongly"
        self._collector.set_icc(b"".join(piece for _, _, piece in chunks), fault)

    def _take_extended(self, guid: bytes, pieces: Sequence[tuple[int, bytes]]) -> None:
        starts = [at for at, _ in pieces]
        ends = [at + len(piece) for at, piece in pieces]
        if starts != [0, *ends[:-1]]:
            self._collector.warn(f"extended XMP {guid.decode('latin-1')!r} is left out: pieces of it are missing")
            return
        self._collector.add_xmp(b"".join(piece for _, piece in pieces))
