"""
The part of an AVIF, HEIC or HEIF file that its pixels need, in boxes that every decoder reads.

A decoder gives up a picture for a fault in its metadata, for a second table where it expects one, for boxes out of
order, for a brand that it does not know. The door has read all of these. So the decoder gets a `meta` box of our own,
which lists nothing but the primary picture, what that is made of, and its transparency. It stands behind the rest of
the file, so that all pixels keep their places; what stood there before becomes free space.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from vignette.pixels import formats
from vignette.pixels.containers.boxes import Box
from vignette.pixels.containers.heif_items import Item, Items
from vignette.pixels.containers.heif_top_level import top_level
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import HEAD_BYTES, Format, sniff
from vignette.pixels.pieces import Pieces

_HEADER: Final = struct.Struct(">I4s")

# The brands that come first in the files that all decoders know.
_KNOWN_BRANDS: Final = (b"avif", b"avis", b"mif1", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
_BRANDS: Final[dict[Format, bytes]] = {formats.AVIF: b"avif", formats.HEIC: b"heic", formats.HEIF: b"mif1"}

_KEPT: Final = (b"ftyp", b"mdat", b"moov")
_ALPHA_URNS: Final = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")
_FULL_BOX_BYTES: Final = 4
_COLOUR_KIND_BYTES: Final = 4
_CODED_COLOUR: Final = b"nclx"
# The decoder of AVIF crops nothing, but checks the aperture; we crop.
_APERTURE: Final = b"clap"
_ESSENTIAL: Final = 0x8000


def picture(reader: Reader) -> Pieces:
    """
    Return the picture of a file that has passed the door, as a file of its own.

    Raises:
        BrokenImage: *reader* holds no such file.
    """
    file = top_level(reader)
    reader = reader.until(file.end)
    made = Pieces()
    offset = 0
    for box in file.boxes:
        _copy_box(reader, box, offset, made)
        offset = box.end
    if meta := file.first(b"meta"):
        is_avif = sniff(reader.read(0, min(HEAD_BYTES, reader.size), "the brands")) is formats.AVIF
        made.write(_Meta(reader, Items(reader, meta), left_out=_APERTURE if is_avif else b"").content())
    return made


def _copy_box(reader: Reader, box: Box, offset: int, made: Pieces) -> None:
    """Append *box*, whose header begins at *offset*, as it is, or as free space; a box to the end of the file ends."""
    kind = box.kind if box.kind in _KEPT else b"free"
    size, told = reader.unpack(_HEADER, offset, box.what)
    if size == 1:
        made.write(_HEADER.pack(1, kind) + struct.pack(">Q", box.end - offset))
    elif kind == told and size == box.end - offset:
        made.copy(offset, box.start)
    else:
        made.write(_HEADER.pack(box.end - offset, kind))
    if kind == b"ftyp" and reader.read(box.start, 4, box.what) not in _KNOWN_BRANDS:
        file_format = sniff(reader.read(0, min(HEAD_BYTES, reader.size), "the brands"))
        made.write(_BRANDS[file_format or formats.HEIF])
        made.copy(box.start + 4, box.end)
    else:
        made.copy(box.start, box.end)


class _Meta:
    """Makes a `meta` box of the items that the primary picture needs. They are numbered anew, from 1."""

    def __init__(self, reader: Reader, items: Items, *, left_out: bytes) -> None:
        self._reader = reader
        self._items = items
        self._left_out = left_out
        primary = items.get(items.primary_id)
        self._alphas = [item for item in items.auxiliary(self._tree([primary])) if self._is_alpha(item)]
        self._kept = self._tree([primary, *self._alphas])
        self._numbers = {item.id: number for number, item in enumerate(self._kept, 1)}

    def content(self) -> bytes:
        properties, associations = self._properties()
        count = struct.pack(">H", len(self._kept))
        return _box(
            b"meta",
            bytes(_FULL_BOX_BYTES),
            _full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
            _full_box(b"pitm", struct.pack(">H", 1)),
            _full_box(b"iloc", b"\x44\0", count, *map(self._location, self._kept)),
            _full_box(b"iinf", count, *map(self._entry, self._kept)),
            _box(
                b"iprp",
                _box(b"ipco", *properties),
                _full_box(b"ipma", struct.pack(">I", len(self._kept)), *associations, flags=1),
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

    def _is_alpha(self, item: Item) -> bool:
        box = self._items.property(item, b"auxC")
        if box is None:
            return False
        content = self._reader.read(box.start, box.end - box.start, box.what)[_FULL_BOX_BYTES:]
        return content.split(b"\0", 1)[0] in _ALPHA_URNS

    def _location(self, item: Item) -> bytes:
        extents = self._items.extents(item)
        places = b"".join(struct.pack(">II", extent.offset, extent.length) for extent in extents)
        return struct.pack(">HHH", self._numbers[item.id], 0, len(extents)) + places

    def _entry(self, item: Item) -> bytes:
        return _full_box(b"infe", struct.pack(">HH", self._numbers[item.id], 0), item.kind, b"\0", version=2)

    def _properties(self) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """Return the properties of all items, and for each item the numbers of its properties."""
        numbers: dict[Box, int] = {}
        associations = []
        for item in self._kept:
            boxes = list(self._wanted(self._items.properties(item)))
            entries = []
            for box in boxes:
                number = numbers.setdefault(box, len(numbers) + 1)
                entries.append(number | (_ESSENTIAL if self._items.is_essential(item, box) else 0))
            associations.append(struct.pack(f">HB{len(entries)}H", self._numbers[item.id], len(entries), *entries))
        contents = [_box(box.kind, self._reader.read(box.start, box.end - box.start, box.what)) for box in numbers]
        return contents, associations

    def _wanted(self, boxes: Sequence[Box]) -> Iterable[Box]:
        """Yield *boxes* but profiles, which the door has read, all coded colours behind the first, and `left_out`."""
        has_colour = False
        for box in boxes:
            if box.kind == self._left_out:
                continue
            if box.kind != b"colr":
                yield box
            elif not has_colour and box.end - box.start >= _COLOUR_KIND_BYTES:
                has_colour = self._reader.read(box.start, _COLOUR_KIND_BYTES, box.what) == _CODED_COLOUR
                if has_colour:
                    yield box

    def _references(self) -> Sequence[bytes]:
        made = []
        for item in self._kept:
            inputs = [self._numbers[part.id] for part in self._items.inputs(item)]
            if inputs:
                made.append(self._reference(b"dimg", item, inputs))
        for alpha in self._alphas:
            of = [self._numbers[number] for number in self._items.auxiliary_of(alpha) if number in self._numbers]
            made.append(self._reference(b"auxl", alpha, of))
        for item in self._kept:
            by = [self._numbers[alpha.id] for alpha in self._alphas if self._items.is_premultiplied(item, alpha)]
            if by:
                made.append(self._reference(b"prem", item, by))
        return made

    def _reference(self, kind: bytes, item: Item, to: Sequence[int]) -> bytes:
        return _box(kind, struct.pack(f">HH{len(to)}H", self._numbers[item.id], len(to), *to))


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return _HEADER.pack(_HEADER.size + len(body), kind) + body


def _full_box(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *content)
