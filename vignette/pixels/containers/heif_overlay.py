"""Pictures of a HEIF file that are laid over each other on a canvas: `iovl` (ISO/IEC 23008-12, 6.6.2.2)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vignette.errors import BrokenImage
from vignette.pixels.containers.heif_items import Item, Items
from vignette.pixels.containers.reader import Reader

OVERLAY: Final = b"iovl"
_IDENTITY: Final = b"iden"

# Version, flags, the canvas: its colour in RGBA, its width and height. Then come two numbers with a sign for each
# layer. Flag 1 makes all of these longer but the colour.
_CANVAS: Final = struct.Struct(">BB4HHH")
_LARGE_CANVAS: Final = struct.Struct(">BB4HII")
_PLACE: Final = struct.Struct(">hh")
_LARGE_PLACE: Final = struct.Struct(">ii")

_OPAQUE: Final = 65535


@dataclass(frozen=True, slots=True)
class Layer:
    """The item that is laid down; `left` and `top` are where on the canvas, in pixels, and may be below 0."""

    item: Item
    left: int
    top: int


@dataclass(frozen=True, slots=True)
class Overlay:
    """A canvas of `size` (width, height) in pixels, of the colour `ground` (RGBA, 0 to 65535), and what is on it."""

    size: tuple[int, int]
    ground: tuple[int, int, int, int]
    layers: Sequence[Layer]

    @property
    def is_opaque(self) -> bool:
        return self.ground[-1] == _OPAQUE


def read_overlay(reader: Reader, items: Items, item: Item) -> Overlay:
    """Return what the *item* of type `iovl` says; raise `BrokenImage` if it says too little."""
    inputs = items.inputs(item)
    what = f"the overlay (item {item.id})"
    extents = items.extents(item)
    most = _LARGE_CANVAS.size + _LARGE_PLACE.size * len(inputs)
    content = b"".join(reader.read(each.offset, min(each.length, most), what) for each in extents[:most])
    is_large = content[1:2] == b"\1"
    canvas, place = (_LARGE_CANVAS, _LARGE_PLACE) if is_large else (_CANVAS, _PLACE)
    if len(content) < canvas.size + place.size * len(inputs):
        raise BrokenImage(f"{what} is cut short")
    _, _, red, green, blue, alpha, width, height = canvas.unpack_from(content)
    places = place.iter_unpack(content[canvas.size : canvas.size + place.size * len(inputs)])
    layers = [Layer(layer, left, top) for layer, (left, top) in zip(inputs, places, strict=True)]
    return Overlay((width, height), (red, green, blue, alpha), layers)


def overlay_of(items: Items, item: Item) -> Item | None:
    """Return the item of type `iovl` that *item* is, or is another view of; None if there is none."""
    seen = {item.id}
    while item.kind == _IDENTITY and (inputs := items.inputs(item)):
        item = inputs[0]
        if item.id in seen:
            return None
        seen.add(item.id)
    return item if item.kind == OVERLAY else None
