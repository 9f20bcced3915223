"""The items of a HEIF file (ISO/IEC 23008-12 and ISO/IEC 14496-12, 8.11): pictures and metadata in its `meta` box."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vignette.errors import BrokenImage, UnsupportedFormat
from vignette.pixels.containers.boxes import Box, Fields, children, first_children, unpack
from vignette.pixels.containers.heif_extents import Extent
from vignette.pixels.containers.reader import Reader

# The properties that change what is shown of a picture, and how.
TRANSFORMATIONS: Final = (b"clap", b"irot", b"imir")

# Full boxes begin with their version and flags.
_FULL_BOX_BYTES: Final = 4
_VERSION: Final = struct.Struct(">B3x")

# 100 megapixels in tiles of 256 × 256 pixels, and as many tiles again for their alpha.
_MAX_ITEMS: Final = 4000

# For all tables together: 100 bytes for each item are more than enough.
_MAX_TABLE_BYTES: Final = 100 * _MAX_ITEMS

_METHOD_FILE, _METHOD_IDAT = 0, 1


@dataclass(frozen=True, slots=True)
class Item:
    """An item of type `kind`. `content_type` is the media type of an item of type `mime`."""

    id: int
    kind: bytes
    is_protected: bool = False
    content_type: bytes = b""


@dataclass(frozen=True, slots=True)
class _Location:
    """Where an item is: (offset, length) of its pieces, in the file or in the box `idat`, as `method` says."""

    method: int
    is_elsewhere: bool
    extents: Sequence[tuple[int, int]]


def has_primary(reader: Reader, meta: Box) -> bool:
    """Whether the `meta` box names a primary item. That of a film may hold nothing but metadata."""
    return b"pitm" in first_children(reader, meta, _FULL_BOX_BYTES)


class Items:
    """What the `meta` box says of each item."""

    def __init__(self, reader: Reader, meta: Box) -> None:
        self._reader = reader
        self._table_bytes_left = _MAX_TABLE_BYTES
        boxes = first_children(reader, meta, _FULL_BOX_BYTES)
        self.primary_id = self._primary_id(boxes)
        self._idat = boxes.get(b"idat")
        self._items = self._read_items(_needed(boxes, b"iinf"))
        self._locations = self._read_locations(_needed(boxes, b"iloc"))
        properties = first_children(reader, _needed(boxes, b"iprp"))
        self._properties = list(children(reader, _needed(properties, b"ipco")))
        self._numbers = {box: number for number, box in enumerate(self._properties, 1)}
        self._essential: set[tuple[int, int]] = set()
        self._associations = self._read_associations(_needed(boxes, b"iprp"))
        self._references = self._read_references(boxes[b"iref"]) if b"iref" in boxes else {}

    def get(self, item_id: int) -> Item:
        try:
            return self._items[item_id]
        except KeyError:
            raise BrokenImage(f"the file refers to the item {item_id}, and does not have it") from None

    def properties(self, item: Item) -> Sequence[Box]:
        """Return the property boxes of *item*, in the order in which they apply."""
        return [self._properties[index - 1] for index in self._associations.get(item.id, ())]

    def is_essential(self, item: Item, box: Box) -> bool:
        """Whether a reader that does not know the property *box* must not show *item*."""
        return (item.id, self._numbers[box]) in self._essential

    def property(self, item: Item, kind: bytes) -> Box | None:
        """Return the property of type *kind*, or None; raise `BrokenImage` if there are two: readers take either."""
        boxes = [box for box in self.properties(item) if box.kind == kind]
        if len(boxes) > 1:
            raise BrokenImage(f"the item {item.id} has the property {_named(kind)} twice")
        return boxes[0] if boxes else None

    def inputs(self, item: Item) -> Sequence[Item]:
        """Return the items that the derived picture *item* is made of, in order (`dimg`)."""
        return [self.get(to) for to in self._references.get((b"dimg", item.id), ())]

    def is_premultiplied(self, item: Item, alpha: Item) -> bool:
        """Whether the colours of *item* are multiplied by its *alpha* (`prem`)."""
        return alpha.id in self._references.get((b"prem", item.id), ())

    def auxiliary_of(self, item: Item) -> Sequence[int]:
        """Return the numbers of the items that the picture *item* belongs to (`auxl`)."""
        return self._references.get((b"auxl", item.id), ())

    def describing(self, item: Item) -> Sequence[Item]:
        """Return the metadata items of *item* (`cdsc`), and those that do not say what they describe."""
        return [
            other
            for other in self._items.values()
            if other.kind in (b"Exif", b"mime") and item.id in self._references.get((b"cdsc", other.id), (item.id,))
        ]

    def auxiliary(self, items: Iterable[Item]) -> Sequence[Item]:
        """Return the pictures beside one of *items* (`auxl`): its transparency, a depth map, a gain map."""
        ids = {item.id for item in items}
        return [
            other for other in self._items.values() if not ids.isdisjoint(self._references.get((b"auxl", other.id), ()))
        ]

    def extents(self, item: Item) -> Sequence[Extent]:
        """
        Return the pieces of *item*, by their places in the file.

        Raises:
            BrokenImage: Not all pieces are there.
            UnsupportedFormat: The pieces are in another file, or in another item.
        """
        location = self._locations.get(item.id)
        if location is None or not location.extents:
            raise BrokenImage(f"the item {item.id} ({_named(item.kind)}) is nowhere in the file")
        if location.is_elsewhere or location.method not in (_METHOD_FILE, _METHOD_IDAT):
            raise UnsupportedFormat(f"a HEIF whose item {item.id} is in another file or in another item")
        start, end = 0, self._reader.size
        if location.method == _METHOD_IDAT:
            if self._idat is None:
                raise BrokenImage(f"the item {item.id} is in the box 'idat', and there is none")
            start, end = self._idat.start, self._idat.end
        return [self._extent(item, start + offset, length, end) for offset, length in location.extents]

    def _extent(self, item: Item, offset: int, length: int, end: int) -> Extent:
        length = length or end - offset  # 0: all that follows
        if length <= 0 or offset + length > end:
            raise BrokenImage(
                f"the item {item.id} ({_named(item.kind)}) needs bytes {offset:,} to {offset + length:,}, "
                f"but what holds it ends at byte {end:,}"
            )
        return Extent(offset, length)

    def _fields(self, box: Box) -> Fields:
        self._table_bytes_left -= box.end - box.start
        if self._table_bytes_left < 0:
            raise BrokenImage(f"the HEIF has more than {_MAX_TABLE_BYTES:,} bytes of tables")
        return Fields(self._reader, box)

    def _primary_id(self, boxes: Mapping[bytes, Box]) -> int:
        fields = self._fields(_needed(boxes, b"pitm"))
        version, _ = fields.version_and_flags()
        return fields.number(2 if version == 0 else 4)

    def _read_items(self, box: Box) -> dict[int, Item]:
        (version,) = unpack(self._reader, _VERSION, box)
        items: dict[int, Item] = {}
        for entry in children(self._reader, box, _FULL_BOX_BYTES + (2 if version == 0 else 4)):
            if entry.kind == b"infe" and (item := self._read_item(entry)):
                _refuse_second(items, item.id, b"iinf")
                items[item.id] = item
            if len(items) > _MAX_ITEMS:
                raise BrokenImage(f"the HEIF has more than {_MAX_ITEMS:,} items")
        return items

    def _read_item(self, box: Box) -> Item | None:
        fields = self._fields(box)
        version, _ = fields.version_and_flags()
        if version < 2:  # an item of MPEG-21 has no type
            return None
        item_id = fields.number(2 if version == 2 else 4)
        protection, kind = fields.number(2), fields.take(4)
        fields.string()  # a name
        content_type = fields.string() if kind == b"mime" else b""
        return Item(item_id, kind, bool(protection), content_type)

    def _read_locations(self, box: Box) -> dict[int, _Location]:
        fields = self._fields(box)
        version, _ = fields.version_and_flags()
        if version > 2:
            raise UnsupportedFormat(f"a HEIF with the box 'iloc' in version {version}")
        sizes = fields.number(2)
        offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        if version == 0:
            index_size = 0
        if not {offset_size, length_size, base_size, index_size} <= {0, 4, 8}:
            raise BrokenImage(f"{box.what} has numbers of {sizes:04x} bytes")
        id_size = 2 if version < 2 else 4
        locations: dict[int, _Location] = {}
        for _ in range(fields.number(id_size)):
            item_id = fields.number(id_size)
            method = fields.number(2) & 15 if version else _METHOD_FILE
            is_elsewhere = fields.number(2) != 0
            base = fields.number(base_size)
            extents: list[tuple[int, int]] = []
            for _ in range(fields.number(2)):
                if offset_size + length_size + index_size == 0 and extents:
                    raise BrokenImage(f"{box.what} has many pieces without a place")
                fields.take(index_size)
                extents.append((base + fields.number(offset_size), fields.number(length_size)))
            _refuse_second(locations, item_id, b"iloc")
            locations[item_id] = _Location(method, is_elsewhere, extents)
        return locations

    def _read_associations(self, iprp: Box) -> dict[int, Sequence[int]]:
        associations: dict[int, Sequence[int]] = {}
        for box in children(self._reader, iprp):
            if box.kind == b"ipma":
                for item_id, indices in self._read_association_table(box):
                    _refuse_second(associations, item_id, b"ipma")
                    associations[item_id] = indices
        return associations

    def _read_association_table(self, box: Box) -> Iterator[tuple[int, Sequence[int]]]:
        fields = self._fields(box)
        version, flags = fields.version_and_flags()
        index_size = 2 if flags & 1 else 1
        index_mask = 0x7FFF if flags & 1 else 0x7F  # the upper bit tells whether the property is essential
        for _ in range(fields.number(4)):
            item_id = fields.number(2 if version < 1 else 4)
            told = [fields.number(index_size) for _ in range(fields.number(1))]
            indices = [number & index_mask for number in told]
            self._essential.update((item_id, number & index_mask) for number in told if number > index_mask)
            if any(index > len(self._properties) for index in indices):
                raise BrokenImage(f"the item {item_id} has properties that the file does not have")
            yield item_id, [index for index in indices if index]  # 0 stands for no property

    def _read_references(self, box: Box) -> dict[tuple[bytes, int], Sequence[int]]:
        (version,) = unpack(self._reader, _VERSION, box)
        id_size = 2 if version == 0 else 4
        references: dict[tuple[bytes, int], Sequence[int]] = {}
        parts = 0
        for reference in children(self._reader, box, _FULL_BOX_BYTES):
            fields = self._fields(reference)
            from_id = fields.number(id_size)
            targets = [fields.number(id_size) for _ in range(fields.number(2))]
            if reference.kind in (b"dimg", b"auxl") and (reference.kind, from_id) in references:
                raise BrokenImage(f"the item {from_id} has the references {_named(reference.kind)} twice")
            parts += len(targets) if reference.kind == b"dimg" else 0
            if parts > _MAX_ITEMS:
                raise BrokenImage(f"the pictures of the HEIF are made of more than {_MAX_ITEMS:,} others")
            references.setdefault((reference.kind, from_id), targets)
        return references


def _needed(boxes: Mapping[bytes, Box], kind: bytes) -> Box:
    try:
        return boxes[kind]
    except KeyError:
        raise BrokenImage(f"the HEIF lacks the box {_named(kind)}") from None


def _refuse_second(there: Mapping[int, object], item_id: int, kind: bytes) -> None:
    """Raise `BrokenImage` if the item is *there* already: readers differ in which of two entries they take."""
    if item_id in there:
        raise BrokenImage(f"the item {item_id} stands twice in the box {_named(kind)}")


def _named(kind: bytes) -> str:
    return repr(kind.decode("latin-1"))
