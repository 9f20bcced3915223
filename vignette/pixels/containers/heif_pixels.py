"""
The part of an AVIF, HEIC or HEIF file that its pixels need, in boxes that every decoder reads.

A decoder gives up a picture for a fault in its metadata, for a second table where it expects one, for boxes out of
order, for a brand that it does not know. The door has read all of these. So the decoder gets a `meta` box of our own,
which lists nothing but the primary picture, what that is made of, and its transparency. It stands behind the rest of
the file, so that all pixels keep their places; what stood there before becomes free space.
"""

from __future__ import annotations

import re
import struct
from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Final

from vignette.errors import BrokenImage
from vignette.pixels import formats
from vignette.pixels.containers.boxes import Box, unpack
from vignette.pixels.containers.heif_aperture import shown_part
from vignette.pixels.containers.heif_extents import Extent
from vignette.pixels.containers.heif_items import TRANSFORMATIONS, Item, Items, has_primary
from vignette.pixels.containers.heif_overlay import overlay_of
from vignette.pixels.containers.heif_top_level import top_level
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import HEAD_BYTES, Format, sniff
from vignette.pixels.pieces import Pieces

_HEADER: Final = struct.Struct(">I4s")

# The brands that come first in the files that all decoders know.
_KNOWN_BRANDS: Final = (b"avif", b"avis", b"mif1", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
_BRANDS: Final[dict[Format, bytes]] = {formats.AVIF: b"avif", formats.HEIC: b"heic", formats.HEIF: b"mif1"}

_FILM_BRAND: Final = b"avis"

_KEPT: Final = (b"ftyp", b"mdat", b"moov")
_ALPHA_URNS: Final = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")
_FULL_BOX_BYTES: Final = 4
_COLOUR_KIND_BYTES: Final = 4
_CODED_COLOUR: Final = b"nclx"
# The decoder of AVIF crops nothing, but checks the aperture; we crop.
_APERTURE: Final = b"clap"
_IDENTITY: Final = b"iden"
_CONFIGURATIONS: Final = (b"av1C", b"hvcC")
# Writers forget to say so, and decoders refuse such a picture.
_NEEDED: Final = (*TRANSFORMATIONS, *_CONFIGURATIONS)
_SIZE: Final = struct.Struct(">4xII")
_BYTE: Final = struct.Struct(">B")
_ESSENTIAL: Final = 0x8000


def picture(reader: Reader, item_id: int | None = None) -> Pieces:
    """
    Return the picture of a file that has passed the door, or the one of *item_id* in it, as a file of its own.

    If the picture is made of others laid over each other, it is all of the file, for they are decoded one by one.

    Raises:
        BrokenImage: *reader* holds no such file.
    """
    file = top_level(reader)
    reader = reader.until(file.end)
    made = Pieces()
    offset = 0
    meta = file.first(b"meta")
    has_still = meta is not None and (file.first(b"moov") is None or has_primary(reader, meta))
    items = Items(reader, meta) if meta and has_still else None
    if items and item_id is None and overlay_of(items, items.get(items.primary_id)):
        made.copy(0, reader.size)
        return made
    for box in file.boxes:
        _copy_box(reader, box, offset, made, has_still=has_still)
        offset = box.end
    if items:
        if item_id is not None:
            items.primary_id = item_id
        is_avif = sniff(reader.read(0, min(HEAD_BYTES, reader.size), "the brands")) is formats.AVIF
        made.write(_Meta(reader, items, is_avif=is_avif).content())
    return made


def alphas_of(reader: Reader, items: Items, ids: Set[int]) -> Sequence[Item]:
    """Return the items that are the transparency of one of those of the numbers *ids*."""
    return [
        item
        for item in items.auxiliary([items.get(number) for number in sorted(ids)])
        if _is_alpha(reader, items, item)
    ]


def _copy_box(reader: Reader, box: Box, offset: int, made: Pieces, *, has_still: bool) -> None:
    """Append *box*, whose header begins at *offset*, as it is, or as free space; a box to the end of the file ends."""
    kind = box.kind if box.kind in _KEPT else b"free"
    size, told = reader.unpack(_HEADER, offset, box.what)
    if size == 1:
        made.write(_HEADER.pack(1, kind) + struct.pack(">Q", box.end - offset))
    elif kind == told and size == box.end - offset:
        made.copy(offset, box.start)
    else:
        made.write(_HEADER.pack(box.end - offset, kind))
    if kind == b"ftyp" and not has_still:
        brands = reader.read(box.start, min(box.end - box.start, HEAD_BYTES), box.what)
        made.write(re.sub(b"avif|mif1", _FILM_BRAND, brands))  # these promise a still picture
        made.copy(box.start + len(brands), box.end)
    elif kind == b"ftyp" and reader.read(box.start, 4, box.what) not in _KNOWN_BRANDS:
        file_format = sniff(reader.read(0, min(HEAD_BYTES, reader.size), "the brands"))
        made.write(_BRANDS[file_format or formats.HEIF])
        made.copy(box.start + 4, box.end)
    else:
        made.copy(box.start, box.end)


@dataclass(frozen=True, slots=True)
class _Entry:
    """An item of the new file: of what type, where its data are, its properties, and what it is made of, by number."""

    kind: bytes
    extents: Sequence[Extent]
    properties: Sequence[Box]
    inputs: Sequence[int] = ()


class _Meta:
    """
    Makes a `meta` box of the items that the primary picture needs. They are numbered anew, from 1.

    Decoders differ in what they know of derived pictures. So a picture that is another one turned or cropped (`iden`)
    becomes that one in an AVIF; in a HEIC, one that is cropped becomes an `iden`, because libheif holds the whole to
    the size of the part. A tile that a picture has twice becomes two.
    """

    def __init__(self, reader: Reader, items: Items, *, is_avif: bool) -> None:
        self._reader = reader
        self._items = items
        self._is_avif = is_avif
        self._entries: list[_Entry] = []
        self._numbers: dict[int, int] = {}
        self._used: set[int] = set()
        self._essential: set[Box] = set()
        primary = items.get(items.primary_id)
        self._alphas = [item for item in items.auxiliary(self._tree([primary])) if _is_alpha(reader, items, item)]
        roots = {item.id for item in (primary, *self._alphas)}
        for item in self._parts_first([primary, *self._alphas]):
            self._add(item, is_root=item.id in roots)
        self._primary = self._numbers[primary.id]

    def content(self) -> bytes:
        properties, associations = self._properties()
        count = struct.pack(">H", len(self._entries))
        numbered = list(enumerate(self._entries, 1))
        return _box(
            b"meta",
            bytes(_FULL_BOX_BYTES),
            _full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
            _full_box(b"pitm", struct.pack(">H", self._primary)),
            _full_box(b"iloc", b"\x44\0", count, *(self._location(*pair) for pair in numbered)),
            _full_box(b"iinf", count, *(self._entry(*pair) for pair in numbered)),
            _box(
                b"iprp",
                _box(b"ipco", *properties),
                _full_box(b"ipma", struct.pack(">I", len(self._entries)), *associations, flags=1),
            ),
            _full_box(b"iref", *self._references()),
        )

    def _tree(self, roots: Iterable[Item]) -> Sequence[Item]:
        """Return *roots* and all that they are made of, each once."""
        found: dict[int, Item] = {}
        waiting = deque(roots)
        while waiting:
            item = waiting.popleft()
            if item.id not in found:
                found[item.id] = item
                waiting += self._items.inputs(item)
        return list(found.values())

    def _parts_first(self, roots: Iterable[Item]) -> Iterator[Item]:
        """Yield *roots* and all that they are made of, each once, and behind all that it is made of."""
        seen: set[int] = set()
        waiting = [(root, False) for root in roots]
        while waiting:
            item, are_parts_done = waiting.pop()
            if are_parts_done:
                yield item
            elif item.id not in seen:
                seen.add(item.id)
                waiting.append((item, True))
                waiting += [(part, False) for part in self._items.inputs(item)]

    def _add(self, item: Item, *, is_root: bool) -> None:
        boxes = self._without_senseless_apertures(item, self._wanted(self._items.properties(item)))
        self._essential.update(box for box in boxes if self._items.is_essential(item, box))
        inputs = self._items.inputs(item)
        if self._is_avif and item.kind == _IDENTITY:
            self._numbers[item.id] = self._turned(self._number_of(inputs[0]), boxes)
            return
        if inputs:
            extents = [] if item.kind == _IDENTITY else self._items.extents(item)
            entry = _Entry(item.kind, extents, boxes, [self._tile_of(part) for part in inputs])
        else:
            entry = _Entry(item.kind, self._items.extents(item), boxes)
            if is_root and any(box.kind == _APERTURE for box in boxes):
                entry = self._wrapped(entry)
        self._numbers[item.id] = self._append(entry)

    def _turned(self, number: int, boxes: Sequence[Box]) -> int:
        """Give the entry *number* the properties *boxes*; return its number, or that of a copy if it is a tile."""
        source = self._entries[number - 1]
        told = {box.kind for box in boxes}
        more = [box for box in source.properties if box.kind not in told]
        entry = _Entry(source.kind, source.extents, [*boxes, *more], source.inputs)
        if number in self._used:
            return self._append(entry)
        self._entries[number - 1] = entry
        return number

    def _append(self, entry: _Entry) -> int:
        self._entries.append(entry)
        return len(self._entries)

    def _number_of(self, item: Item) -> int:
        try:
            return self._numbers[item.id]
        except KeyError:
            raise BrokenImage(f"the item {item.id} is made of itself") from None

    def _tile_of(self, item: Item) -> int:
        """Return the number of a coded picture that nothing else is made of; a derived one may be shared."""
        number = self._number_of(item)
        if number in self._used and not self._entries[number - 1].inputs:
            number = self._append(self._entries[number - 1])
        self._used.add(number)
        return number

    def _wrapped(self, entry: _Entry) -> _Entry:
        """Return an `iden` of *entry* that is cropped and turned in its place."""
        plain = [box for box in entry.properties if box.kind not in TRANSFORMATIONS]
        number = self._append(_Entry(entry.kind, entry.extents, plain))
        shown = [box for box in entry.properties if box.kind not in _CONFIGURATIONS]
        return _Entry(_IDENTITY, [], shown, [number])

    def _without_senseless_apertures(self, item: Item, boxes: Iterable[Box]) -> list[Box]:
        """Return *boxes* without the apertures that the door has ignored."""
        size_box = self._items.property(item, b"ispe")
        if size_box is None:
            return list(boxes)
        width, height = unpack(self._reader, _SIZE, size_box)
        size = width, height
        kept = []
        for box in boxes:
            if box.kind == _APERTURE:
                part = shown_part(self._reader, box, size)
                if part is None:
                    continue
                size = part[2:]
            elif box.kind == b"irot" and unpack(self._reader, _BYTE, box)[0] & 1:
                size = size[::-1]
            kept.append(box)
        return kept

    def _location(self, number: int, entry: _Entry) -> bytes:
        places = b"".join(struct.pack(">II", extent.offset, extent.length) for extent in entry.extents)
        return struct.pack(">HHH", number, 0, len(entry.extents)) + places

    def _entry(self, number: int, entry: _Entry) -> bytes:
        return _full_box(b"infe", struct.pack(">HH", number, 0), entry.kind, b"\0", version=2)

    def _properties(self) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """Return the properties of all items, and for each item the numbers of its properties."""
        numbers: dict[Box, int] = {}
        associations = []
        for number, entry in enumerate(self._entries, 1):
            told = []
            for box in entry.properties:
                index = numbers.setdefault(box, len(numbers) + 1)
                told.append(index | (_ESSENTIAL if box.kind in _NEEDED or box in self._essential else 0))
            associations.append(struct.pack(f">HB{len(told)}H", number, len(told), *told))
        contents = [_box(box.kind, self._reader.read(box.start, box.end - box.start, box.what)) for box in numbers]
        return contents, associations

    def _wanted(self, boxes: Sequence[Box]) -> Iterable[Box]:
        """
        Yield *boxes* but profiles, which the door has read, and all coded colours behind the first.

        The decoder of AVIF heeds no aperture either.
        """
        has_colour = False
        for box in boxes:
            if box.kind == _APERTURE and self._is_avif:
                continue
            if box.kind != b"colr":
                yield box
            elif not has_colour and box.end - box.start >= _COLOUR_KIND_BYTES:
                has_colour = self._reader.read(box.start, _COLOUR_KIND_BYTES, box.what) == _CODED_COLOUR
                if has_colour:
                    yield box

    def _references(self) -> Sequence[bytes]:
        made = [
            self._reference(b"dimg", number, entry.inputs)
            for number, entry in enumerate(self._entries, 1)
            if entry.inputs
        ]
        for alpha in self._alphas:
            of = [self._numbers[number] for number in self._items.auxiliary_of(alpha) if number in self._numbers]
            made.append(self._reference(b"auxl", self._numbers[alpha.id], of))
        for item_id, number in self._numbers.items():
            item = self._items.get(item_id)
            by = [self._numbers[alpha.id] for alpha in self._alphas if self._items.is_premultiplied(item, alpha)]
            if by:
                made.append(self._reference(b"prem", number, by))
        return made

    def _reference(self, kind: bytes, number: int, to: Sequence[int]) -> bytes:
        return _box(kind, struct.pack(f">HH{len(to)}H", number, len(to), *to))


def _is_alpha(reader: Reader, items: Items, item: Item) -> bool:
    box = items.property(item, b"auxC")
    if box is None:
        return False
    content = reader.read(box.start, box.end - box.start, box.what)[_FULL_BOX_BYTES:]
    return content.split(b"\0", 1)[0] in _ALPHA_URNS


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return _HEADER.pack(_HEADER.size + len(body), kind) + body


def _full_box(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *content)
