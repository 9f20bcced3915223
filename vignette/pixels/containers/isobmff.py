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
from typing import Final

from vignette.errors import BrokenImage, Refused, UnsupportedFormat
from vignette.pixels.anatomy import Anatomy, Aperture
from vignette.pixels.containers import av1, hevc
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.containers.boxes import Box, unpack
from vignette.pixels.containers.collector import Collector
from vignette.pixels.containers.heif_aperture import shown_part
from vignette.pixels.containers.heif_colour import HeifColours
from vignette.pixels.containers.heif_extents import CodedData
from vignette.pixels.containers.heif_items import TRANSFORMATIONS, Item, Items, has_primary
from vignette.pixels.containers.heif_overlay import OVERLAY, Overlay, overlay_of, read_overlay
from vignette.pixels.containers.heif_top_level import top_level
from vignette.pixels.containers.heif_tracks import Track, read_track, read_tracks
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import AVIF, HEAD_BYTES, HEIC, HEIF, Format, sniff

_AV1: Final = b"av01"
_HEVC: Final = b"hvc1"
_CODECS: Final[dict[Format, Sequence[bytes]]] = {AVIF: (_AV1,), HEIC: (_HEVC,), HEIF: (_AV1, _HEVC)}
_CONFIGURATIONS: Final = {_AV1: b"av1C", _HEVC: b"hvcC"}
# A grid of tiles, another picture turned or cropped, pictures laid over each other.
_DERIVED: Final = (b"grid", b"iden", OVERLAY)
# What is laid over each other has so many times the pixels of the canvas at most: one picture many times costs as much.
_MOST_LAYERS: Final = 4
# What an overlay takes for each pixel: of its canvas, and of its largest layer, beside the planes of that, while the
# layer is decoded, and while it is laid on a transparent canvas. Measured with layers as large as the canvas, of 12
# megapixels: 14.6 in an AVIF and 22.7 in a HEIC, on a transparent canvas 23.0 and 22.7.
_CANVAS_BYTES: Final = 4
_LAYER_BYTES: Final = 10
_LAID_BYTES: Final = 18

# HEVC codes whole blocks of up to this many pixels a side, and then crops.
_HEVC_BLOCK: Final = 64

# The names of transparency in `auxC` (ISO/IEC 23008-12, 6.5.8; MIAF, 7.3.5.2; those of AVC and HEVC are older).
_TRANSPARENCY: Final = (
    b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
    b"urn:mpeg:hevc:2015:auxid:1",
    b"urn:mpeg:avc:2015:auxid:1",
)
_FULL_BOX_BYTES: Final = 4
_MAX_NAME_BYTES: Final = 100

_SIZE: Final = struct.Struct(">4xII")
_BYTE: Final = struct.Struct(">B")
# Version, flags, rows - 1, columns - 1, width, height; flag 1 makes the last two longer.
_GRID: Final = struct.Struct(">xxBBHH")
_LARGE_GRID: Final = struct.Struct(">xxBBII")
_GRID_BYTES: Final = _LARGE_GRID.size
_XMP_TYPE: Final = b"application/rdf+xml"

_STEPS_PER_ITEM: Final = 10
_STEPS_PER_FRAME: Final = 2


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
    meta, moov = file.first(b"meta"), file.first(b"moov")
    if meta and (moov is None or has_primary(reader, meta)):
        picture.read_items(Items(reader, meta))
    if moov:
        picture.read_film(moov)
    return picture.anatomy()


def read_layer(reader: Reader, items: Items, item: Item) -> Anatomy:
    """Return what a file that has passed the door, of *items*, says of the picture *item* in it."""
    file_format = sniff(reader.read(0, min(HEAD_BYTES, reader.size), "the brands"))
    assert file_format is not None
    picture = _Picture(reader, Bounds(), file_format)
    picture.read_picture(items, item)
    return picture.anatomy()


def _disagreement(what: str, told: tuple[int, int], coded: tuple[int, int]) -> BrokenImage:
    return BrokenImage(
        f"{what} claims to be {told[0]:,} × {told[1]:,} pixels, but is coded as {coded[0]:,} × {coded[1]:,}"
    )


class _Picture:
    def __init__(self, reader: Reader, bounds: Bounds, file_format: Format) -> None:
        self._reader = reader
        self._bounds = bounds
        self._format = file_format
        self._codecs = _CODECS[file_format]
        self._collector = Collector()
        self._colours = HeifColours(reader, self._collector)
        self._size: tuple[int, int] | None = None
        self._turn = _Turn()
        self._aperture: Aperture | None = None
        self._frames = 1
        self._held_bytes = 0
        self._coded_pixels = 0
        self._overlay: Overlay | None = None
        self._is_transparent = False
        self._configured: dict[Box, Sequence[hevc.Size]] = {}
        self._sequences: dict[int, av1.Sequence] = {}
        self._checked: dict[int, Sequence[Item]] = {}

    def warn(self, remark: str) -> None:
        self._collector.warn(remark)

    def read_items(self, items: Items) -> None:
        """Take the still picture, and the metadata."""
        primary = items.get(items.primary_id)
        self.read_picture(items, primary)
        for item in items.describing(primary):
            self._take_metadata(items, item)

    def read_picture(self, items: Items, primary: Item) -> None:
        self._size = self._item_size(items, primary)
        inputs = self._check_tree(items, primary)
        for auxiliary in items.auxiliary((primary, *inputs)):
            if auxiliary.kind in (*self._codecs, *_DERIVED) and self._may_be_transparency(items, auxiliary):
                overlay, self._overlay = self._overlay, None
                self._check_tree(items, auxiliary)
                if self._overlay is not None:
                    raise UnsupportedFormat("pictures laid over each other that are the transparency of another one")
                self._overlay = overlay
                self._is_transparent = True
        self._held_bytes = self._planes_bytes(items, primary, inputs)
        self._apply(items.properties(primary))
        for picture in (primary, *inputs[:1]):  # some writers give the profile to the tiles only
            self._colours.take(items.properties(picture))
        self._take_coded_colour(items, inputs[0])

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
            self._colours.take(track.properties)

    def _check_frames(self, track: Track) -> None:
        sequence = None
        for frame, extent in enumerate(track.samples()):
            self._reader.spend(_STEPS_PER_FRAME)
            data = CodedData(self._reader, [extent], f"the frame {frame:,}")
            sequence = av1.read_sequence(data, sequence)
            self._colours.take_coded(sequence.cicp, is_grey=sequence.is_grey)
            self._check_av1(sequence, (track.width, track.height), data.what)

    def anatomy(self) -> Anatomy:
        if self._size is None:
            raise UnsupportedFormat(f"the {self._format.name} holds no still picture that can be shown")
        width, height = self._size
        orientation = self._turn.orientation
        if orientation >= 5:  # `_size` follows each turn; the anatomy tells what is stored
            width, height = height, width
        profile = self._colours.profile()
        return Anatomy(
            format=self._format,
            width=width,
            height=height,
            orientation=orientation,
            frames=self._frames,
            held_bytes=self._held_bytes,
            is_overlay=self._overlay is not None,
            profile=profile,
            colour=self._colours.colour(profile),
            aperture=self._aperture,
            blocks=self._collector.blocks(),
        )

    def _may_be_transparency(self, items: Items, auxiliary: Item) -> bool:
        """Whether a decoder may decode *auxiliary*: no gain map, no depth map, nor what else is told by name."""
        for box in items.properties(auxiliary):
            if box.kind == b"auxC":
                name = self._reader.read(box.start, min(box.end - box.start, _MAX_NAME_BYTES), box.what)
                return name[_FULL_BOX_BYTES:].split(b"\0")[0] in _TRANSPARENCY
        return True

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
            inputs = self._checked_inputs(items, item)
            self._reader.spend(1 + len(inputs))
            waiting += [part for part in inputs if part.id not in seen]
            seen |= {part.id for part in inputs}
            if not inputs:
                coded.append(item)
        overlay = overlay_of(items, primary)
        if overlay is None and self._overlay is not None:
            raise UnsupportedFormat(f"pictures laid over each other that are a part of the item {primary.id}")
        for whole in (primary,) if overlay is None else items.inputs(overlay):
            self._check_greys(whole, coded if overlay is None else items.inputs(whole))
        if not coded:
            raise BrokenImage(f"the item {primary.id} is made of no picture")
        return coded

    def _check_greys(self, whole: Item, parts: Sequence[Item]) -> None:
        if len({self._sequences[part.id].is_grey for part in parts if part.id in self._sequences}) > 1:
            raise BrokenImage(f"some parts of the item {whole.id} are grey, and others in colour")

    def _checked_inputs(self, items: Items, item: Item) -> Sequence[Item]:
        """Check *item*, once for all pictures that are made of it; return what it is made of, each once."""
        if item.id not in self._checked:
            self._reader.spend(_STEPS_PER_ITEM)
            if item.kind in _DERIVED:
                self._checked[item.id] = list(dict.fromkeys(self._check_derived(items, item)))
            else:
                self._check_coded(items, item)
                self._checked[item.id] = []
        return self._checked[item.id]

    def _planes_bytes(self, items: Items, primary: Item, coded: Sequence[Item]) -> int:
        """
        Return the bytes that the planes of an HEVC picture take in its decoder, with the copy that libheif makes.

        That copy is made of the whole picture. Of an overlay one layer is decoded at a time. A picture of tiles may be
        decoded tile by tile, unless it has transparency or is cropped.
        """
        configuration = items.property(coded[0], b"hvcC")
        if self._overlay is not None:
            plane_bytes = 0.0 if configuration is None else hevc.plane_bytes(self._reader, configuration)
            return self._overlay_bytes(items, self._overlay, plane_bytes)
        if configuration is None or self._size is None:
            return 0
        copies = 2 if primary.kind == _HEVC else 1
        pixels = max(self._size[0] * self._size[1], self._coded_pixels)
        is_held_whole = self._is_transparent or items.property(primary, b"clap") is not None
        if primary.kind == b"grid" and len(coded) > 1 and not is_held_whole:
            pixels = min(pixels, 2 * self._coded_pixels)
        return int(pixels * hevc.plane_bytes(self._reader, configuration) * copies)

    def _overlay_bytes(self, items: Items, overlay: Overlay, plane_bytes: float) -> int:
        largest = max(across * down for across, down in (self._item_size(items, each.item) for each in overlay.layers))
        decoding = _LAYER_BYTES + 2 * plane_bytes
        layer_bytes = decoding if overlay.is_opaque else max(decoding, _LAID_BYTES)
        return int(_CANVAS_BYTES * math.prod(overlay.size) + layer_bytes * largest)

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
            self._sequences[item.id] = av1.read_sequence(data)
            self._check_av1(self._sequences[item.id], size, data.what)
        else:
            self._check_hevc(configuration, data, size)

    def _check_av1(self, sequence: av1.Sequence, size: tuple[int, int], what: str) -> None:
        """Check that the sequence header, by which the decoder goes, agrees (AV1 Image File Format, 2.2.2)."""
        self._bounds.check_size(sequence.width, sequence.height)
        if (sequence.width, sequence.height) != size:
            raise _disagreement(what, size, (sequence.width, sequence.height))

    def _check_hevc(self, configuration: Box, data: CodedData, size: tuple[int, int]) -> None:
        """Check that the parameter sets, by which the decoder goes, agree; if they are cut short, within a block."""
        if configuration not in self._configured:
            self._configured[configuration] = hevc.configured_sizes(self._reader, configuration)
        for there in (*self._configured[configuration], *hevc.sizes_within(data)):
            self._bounds.check_size(*there.coded)
            self._coded_pixels = max(self._coded_pixels, there.coded[0] * there.coded[1])
            if there.shown is None:
                agree = all(told <= coded < told + _HEVC_BLOCK for told, coded in zip(size, there.coded, strict=True))
            else:
                agree = there.shown == size
            if not agree:
                raise _disagreement(data.what, size, there.shown or there.coded)

    def _check_derived(self, items: Items, item: Item) -> Sequence[Item]:
        inputs = items.inputs(item)
        if not inputs:
            raise BrokenImage(f"the item {item.id} is derived from nothing")
        if item.kind == b"grid":
            self._check_grid(items, item, inputs)
        elif item.kind == OVERLAY:
            self._check_overlay(items, item, inputs)
        else:
            self._check_identity(items, item, inputs)
        return inputs

    def _check_overlay(self, items: Items, overlay: Item, layers: Sequence[Item]) -> None:
        """Make sure that the canvas is as large as it is said to be, and that laying pictures over it costs little."""
        what = f"the overlay (item {overlay.id})"
        each = dict.fromkeys(layers)
        parts = (part for layer in each for part in (items.inputs(layer) if layer.kind == b"grid" else [layer]))
        if any(part.kind in _DERIVED for part in parts):  # each level could multiply the work
            raise UnsupportedFormat(f"{what} is of pictures that are made of others")
        told = read_overlay(self._reader, items, overlay)
        width, height = told.size
        if self._item_size(items, overlay) != (width, height):
            raise _disagreement(what, self._item_size(items, overlay), (width, height))
        sizes = [self._item_size(items, layer) for layer in layers]
        pixels = sum(across * down for across, down in sizes)
        if pixels > _MOST_LAYERS * width * height:
            raise UnsupportedFormat(f"{what} lays {pixels:,} pixels over a canvas of {width:,} × {height:,}")
        self._overlay = told

    def _check_identity(self, items: Items, item: Item, inputs: Sequence[Item]) -> None:
        """Make sure that `iden` is one whole picture, turned and cropped once: decoders differ in the order of two."""
        source = inputs[0]
        if len(inputs) > 1 or self._item_size(items, source) != self._item_size(items, item):
            raise BrokenImage(f"the item {item.id} is to be another picture, but {len(inputs):,} of another size")
        if any(box.kind in TRANSFORMATIONS for box in items.properties(source)):
            raise UnsupportedFormat("a picture that is turned or cropped, and then another time")

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
                self._crop(box)

    def _crop(self, clap: Box) -> None:
        assert self._size is not None
        whole = self._size
        part = shown_part(self._reader, clap, whole)
        if part is None:
            return
        left, top, width, height = part
        if self._format is AVIF or self._overlay is not None:  # their decoder shows the whole picture
            if self._turn != _Turn() or self._aperture is not None:
                return
            self._aperture = Aperture(whole, left, top)
        self._size = width, height

    def _take_coded_colour(self, items: Items, item: Item) -> None:
        """Take the colours that the coded picture *item*, which was checked, tells itself."""
        if sequence := self._sequences.get(item.id):
            self._colours.take_coded(sequence.cicp, is_grey=sequence.is_grey)
        elif configuration := items.property(item, b"hvcC"):
            self._colours.take_coded(hevc.configured_colour(self._reader, configuration))

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
        is_whole = None not in pieces
        pieces.clear()
        if not is_whole or not content:
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
