"""
AVIF, HEIC and HEIF: ISO/IEC 23008-12, MIAF (ISO/IEC 23000-22) and the AV1 Image File Format.

A file has a primary item, which may be put together from others (a grid of tiles), or a sequence of pictures, or both.
Its orientation is in the properties `irot` and `imir`; that in EXIF is to be ignored (ISO/IEC 23008-12, annex A.2.2).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from vignette.errors import BrokenImage, Refused, UnsupportedFormat
from vignette.pixels.anatomy import Anatomy, Aperture
from vignette.pixels.containers import av1, hevc
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.containers.boxes import Box, unpack
from vignette.pixels.containers.collector import Collector
from vignette.pixels.containers.heif_extents import CodedData, UnitBudget
from vignette.pixels.containers.heif_items import Item, Items
from vignette.pixels.containers.heif_top_level import top_level
from vignette.pixels.containers.heif_tracks import Track, read_track, read_tracks
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import AVIF, HEAD_BYTES, HEIC, HEIF, Format, sniff

_AV1: Final = b"av01"
_HEVC: Final = b"hvc1"
_CODECS: Final[dict[Format, Sequence[bytes]]] = {AVIF: (_AV1,), HEIC: (_HEVC,), HEIF: (_AV1, _HEVC)}
_CONFIGURATIONS: Final = {_AV1: b"av1C", _HEVC: b"hvcC"}
# A grid of tiles, or another picture turned or cropped. An overlay of pictures (`iovl`) is not among them: no camera
# writes one, MIAF does not know it, and its canvas may be of any size, filled with one picture many times.
_DERIVED: Final = (b"grid", b"iden")

# HEVC codes whole blocks of up to this many pixels a side, and then crops.
_HEVC_BLOCK: Final = 64

_SIZE: Final = struct.Struct(">4xII")
_BYTE: Final = struct.Struct(">B")
_CLEAN_APERTURE: Final = struct.Struct(">IIIIiIiI")
# Version, flags, rows - 1, columns - 1, width, height; flag 1 makes the last two longer.
_GRID: Final = struct.Struct(">xxBBHH")
_LARGE_GRID: Final = struct.Struct(">xxBBII")
_GRID_BYTES: Final = _LARGE_GRID.size
_XMP_TYPE: Final = b"application/rdf+xml"
_ICC_KINDS: Final = (b"prof", b"rICC")


@dataclass(frozen=True, slots=True)
class _Turn:
    """
    What turns the stored picture upright: first a mirroring of left and right, if any, then `quarters` of a turn
    anticlockwise.
    """

    is_mirrored: bool = False
    quarters: int = 0

    def rotated(self, quarters: int) -> _Turn:
        return _Turn(self.is_mirrored, (self.quarters + quarters) % 4)

    def mirrored(self, axis: int) -> _Turn:
        """*axis* 0 exchanges top and bottom, 1 left and right (ISO/IEC 23008-12:2022, 6.5.12)."""
        # A mirroring reverses the turns before it. Exchanging top and bottom is exchanging left and right, then
        # half a turn.
        return _Turn(not self.is_mirrored, (-self.quarters + (2 if axis == 0 else 0)) % 4)

    @property
    def orientation(self) -> int:
        """The same as an EXIF orientation, 1 to 8."""
        return ((2, 5, 4, 7) if self.is_mirrored else (1, 8, 3, 6))[self.quarters]


def parse(reader: Reader, bounds: Bounds) -> Anatomy:
    file = top_level(reader)
    reader = reader.until(file.end)
    file_format = sniff(reader.read(0, min(HEAD_BYTES, reader.size), "the brands"))
    assert file_format is not None  # a file without a brand of ours does not come here
    picture = _Picture(reader, bounds, file_format)
    if file.remark:
        picture.warn(file.remark)
    if meta := file.first(b"meta"):
        picture.read_items(Items(reader, meta))
    if moov := file.first(b"moov"):
        picture.read_film(moov)
    return picture.anatomy()


def _disagreement(what: str, told: tuple[int, int], coded: tuple[int, int]) -> BrokenImage:
    return BrokenImage(
        f"{what} claims to be {told[0]:,} × {told[1]:,} pixels, but is coded as {coded[0]:,} × {coded[1]:,}"
    )


def _within(whole: int, aperture: Fraction, offset: Fraction) -> tuple[int, int]:
    """
    Return the first of *whole* pixels that an *aperture* shows, and how many, or 0.

    Its centre is *offset* from that of the picture.
    """
    centre = offset + Fraction(whole - 1, 2)
    first = max(math.floor(centre - (aperture - 1) / 2 + Fraction(1, 2)), 0)
    last = min(math.floor(centre + (aperture - 1) / 2 + Fraction(1, 2)), whole - 1)
    return first, last - first + 1 if 0 < aperture <= whole else 0


class _Picture:
    def __init__(self, reader: Reader, bounds: Bounds, file_format: Format) -> None:
        self._reader = reader
        self._bounds = bounds
        self._format = file_format
        self._codecs = _CODECS[file_format]
        self._collector = Collector()
        self._size: tuple[int, int] | None = None
        self._turn = _Turn()
        self._aperture: Aperture | None = None
        self._frames = 1
        self._held_bytes = 0
        self._units = UnitBudget()
        self._configured: dict[Box, Sequence[tuple[int, int]]] = {}

    def warn(self, remark: str) -> None:
        self._collector.warn(remark)

    def read_items(self, items: Items) -> None:
        """Take the still picture, and the metadata."""
        primary = items.get(items.primary_id)
        self._size = self._item_size(items, primary)
        inputs = self._check_tree(items, primary)
        for auxiliary in items.auxiliary((primary, *inputs)):
            if auxiliary.kind in (*self._codecs, *_DERIVED):
                self._check_tree(items, auxiliary)
        self._held_bytes = self._planes_bytes(items, primary, inputs)
        self._apply(items.properties(primary))
        for picture in (primary, *inputs[:1]):  # some writers give the profile to the tiles only
            self._take_profile(items.properties(picture))
        for item in items.describing(primary):
            self._take_metadata(items, item)

    def read_film(self, moov: Box) -> None:
        """Take the sequence of pictures. In an AVIF without a still picture, the sequence tells the size."""
        if self._format is AVIF:
            for coded in read_tracks(self._reader, self._bounds, moov, _AV1):
                self._check_frames(coded)
        track = read_track(self._reader, self._bounds, moov)
        if track is None or track.codec not in self._codecs:
            return
        self._frames = track.frames
        if self._size is None and self._format is AVIF:
            self._size = track.width, track.height
            self._apply(track.properties)
            self._take_profile(track.properties)

    def _check_frames(self, track: Track) -> None:
        sequence = None
        for frame, extent in enumerate(track.samples()):
            data = CodedData(self._reader, [extent], f"the frame {frame:,}")
            sequence = av1.read_sequence(data, self._units, sequence)
            self._check_av1(sequence, (track.width, track.height), data.what)

    def anatomy(self) -> Anatomy:
        if self._size is None:
            raise UnsupportedFormat(f"the {self._format.name} holds no still picture that can be shown")
        width, height = self._size
        orientation = self._turn.orientation
        if orientation >= 5:  # `_size` follows each turn; the anatomy tells what is stored
            width, height = height, width
        return Anatomy(
            format=self._format,
            width=width,
            height=height,
            orientation=orientation,
            frames=self._frames,
            held_bytes=self._held_bytes,
            aperture=self._aperture,
            blocks=self._collector.blocks(),
        )

    def _item_size(self, items: Items, item: Item) -> tuple[int, int]:
        """Return the (width, height) in pixels that the property `ispe` tells, and that is within the limit."""
        box = items.property(item, b"ispe")
        if box is None:
            raise BrokenImage(f"the item {item.id} lacks its size")
        width, height = unpack(self._reader, _SIZE, box)
        self._bounds.check_size(width, height)
        return width, height

    def _check_tree(self, items: Items, primary: Item) -> Sequence[Item]:
        """Check the picture and all pictures that it is derived from; return the coded ones."""
        seen = {primary.id}
        waiting = [primary]
        coded = []
        while waiting:
            item = waiting.pop()
            if item.kind in _DERIVED:
                inputs = self._check_derived(items, item)
                waiting += [part for part in dict.fromkeys(inputs) if part.id not in seen]
                seen |= {part.id for part in inputs}
            else:
                self._check_coded(items, item)
                coded.append(item)
        if not coded:
            raise BrokenImage(f"the item {primary.id} is made of no picture")
        return coded

    def _planes_bytes(self, items: Items, primary: Item, coded: Sequence[Item]) -> int:
        """
        Return the bytes that the planes of an HEVC picture take in its decoder, with the copy that libheif makes.

        That copy is made of the whole picture, or of one tile at a time.
        """
        configuration = items.property(coded[0], b"hvcC")
        if configuration is None or self._size is None:
            return 0
        copies = 2 if primary.kind == _HEVC else 1
        return int(self._size[0] * self._size[1] * hevc.plane_bytes(self._reader, configuration) * copies)

    def _check_coded(self, items: Items, item: Item) -> None:
        if item.kind not in self._codecs or item.is_protected:
            kind = "encrypted" if item.is_protected else repr(item.kind.decode("latin-1"))
            raise UnsupportedFormat(f"a picture of type {kind} in a file of type {self._format.name}")
        configuration = items.property(item, _CONFIGURATIONS[item.kind])
        if configuration is None:
            raise BrokenImage(f"the item {item.id} lacks the configuration of its decoder")
        size = self._item_size(items, item)
        data = CodedData(self._reader, items.extents(item), f"the picture of item {item.id}")
        if item.kind == _AV1:
            self._check_av1(av1.read_sequence(data, self._units), size, data.what)
        else:
            self._check_hevc(configuration, data, size)

    def _check_av1(self, sequence: av1.Sequence, size: tuple[int, int], what: str) -> None:
        """Check that the sequence header, by which the decoder goes, agrees (AV1 Image File Format, 2.2.2)."""
        self._bounds.check_size(sequence.width, sequence.height)
        if (sequence.width, sequence.height) != size:
            raise _disagreement(what, size, (sequence.width, sequence.height))

    def _check_hevc(self, configuration: Box, data: CodedData, size: tuple[int, int]) -> None:
        """Check that the parameter sets, by which the decoder goes, agree: it crops less than a block a side."""
        if configuration not in self._configured:
            self._configured[configuration] = hevc.configured_sizes(self._reader, configuration)
        for coded in (*self._configured[configuration], *hevc.sizes_within(data, self._units)):
            self._bounds.check_size(*coded)
            if not all(told <= there < told + _HEVC_BLOCK for told, there in zip(size, coded, strict=True)):
                raise _disagreement(data.what, size, coded)

    def _check_derived(self, items: Items, item: Item) -> Sequence[Item]:
        inputs = items.inputs(item)
        if not inputs:
            raise BrokenImage(f"the item {item.id} is derived from nothing")
        if item.kind == b"grid":
            self._check_grid(items, item, inputs)
        return inputs

    def _check_grid(self, items: Items, grid: Item, tiles: Sequence[Item]) -> None:
        """Make sure that equal tiles cover the picture, and none lies outside (ISO/IEC 23000-22, 7.3.11.4.2)."""
        what = f"the grid (item {grid.id})"
        extent = items.extents(grid)[0]
        content = self._reader.read(extent.offset, min(extent.length, _GRID_BYTES), what)
        layout = _LARGE_GRID if content[1:2] == b"\1" else _GRID
        if len(content) < layout.size:
            raise BrokenImage(f"{what} is cut short")
        rows, columns, width, height = layout.unpack_from(content)
        rows, columns = rows + 1, columns + 1
        if len(tiles) != rows * columns:
            raise BrokenImage(f"{what} is of {rows} × {columns} tiles, but {len(tiles):,} are there")
        sizes = {self._item_size(items, tile) for tile in set(tiles)}
        across, down = sizes.pop()
        covers = across * columns >= width > across * (columns - 1) and down * rows >= height > down * (rows - 1)
        if sizes or not covers or self._item_size(items, grid) != (width, height):
            raise BrokenImage(f"the tiles of {what} do not make a picture of {width:,} × {height:,} pixels")

    def _apply(self, properties: Sequence[Box]) -> None:
        """Apply cropping, turning and mirroring, in the order of the file."""
        for box in properties:
            if box.kind == b"irot":
                quarters = unpack(self._reader, _BYTE, box)[0] & 3
                self._turn = self._turn.rotated(quarters)
                if quarters % 2 and self._size is not None:
                    self._size = self._size[::-1]
            elif box.kind == b"imir":
                self._turn = self._turn.mirrored(unpack(self._reader, _BYTE, box)[0] & 1)
            elif box.kind == b"clap":
                self._crop(unpack(self._reader, _CLEAN_APERTURE, box))

    def _crop(self, aperture: Sequence[int]) -> None:
        """
        Apply a clean aperture (ISO/IEC 14496-12, 12.1.4): its width, its height, and how far its centre is to the right
        of that of the picture, and below; a numerator and a denominator each. Edges are rounded as libheif does it.
        """
        assert self._size is not None
        if not all(aperture[1::2]):
            return
        across, down, right, below = (Fraction(*pair) for pair in zip(aperture[::2], aperture[1::2], strict=True))
        whole = self._size
        (left, width), (top, height) = _within(whole[0], across, right), _within(whole[1], down, below)
        if width <= 0 or height <= 0:
            return
        if self._format is AVIF:  # its decoder shows the whole picture
            if self._turn != _Turn() or self._aperture is not None:
                return
            self._aperture = Aperture(whole, left, top)
        self._size = width, height

    def _take_profile(self, properties: Sequence[Box]) -> None:
        for box in properties:
            kind = self._reader.read(box.start, min(4, box.end - box.start), box.what) if box.kind == b"colr" else b""
            if kind in _ICC_KINDS and self._collector.icc is None:
                profile = self._collector.read(self._reader, box.start + 4, box.end - box.start - 4, "ICC profile")
                if profile:
                    self._collector.set_icc(profile)

    def _take_metadata(self, items: Items, item: Item) -> None:
        is_xmp = item.content_type == _XMP_TYPE
        if item.kind == b"mime" and not is_xmp:
            return
        try:
            extents = items.extents(item)
        except Refused as error:
            self._collector.warn(str(error))
            return
        what = "XMP packet" if is_xmp else "EXIF block"
        pieces = [self._collector.read(self._reader, extent.offset, extent.length, what) for extent in extents]
        content = b"".join(piece for piece in pieces if piece is not None)
        if None in pieces or not content:
            return
        if is_xmp:
            self._collector.add_xmp(content)
        else:
            self._take_exif(content)

    def _take_exif(self, content: bytes) -> None:
        """An `Exif` item begins with the offset of the TIFF stream in what follows (ISO/IEC 23008-12, A.2.1)."""
        after = int.from_bytes(content[:4], "big") + 4
        if content[after : after + 2] not in (b"II", b"MM"):
            self._collector.warn("the EXIF block is not where its item says")
            after = 4
        self._collector.set_exif(content[after:])
