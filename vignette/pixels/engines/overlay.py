"""
Lays the pictures of a HEIF file over each other, each decoded by itself.

libheif knows such a file, but puts a picture that begins outside the canvas in the wrong place, and forgets that the
canvas may be transparent. The decoder of AVIF does not know it at all.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, Final, cast

from PIL import Image, ImageChops

from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers import heif_pixels
from vignette.pixels.containers.heif_items import Item, Items
from vignette.pixels.containers.heif_overlay import Overlay, overlay_of, read_overlay
from vignette.pixels.containers.heif_top_level import top_level
from vignette.pixels.containers.isobmff import read_layer
from vignette.pixels.containers.reader import Reader
from vignette.pixels.engines.sizes import check_size, stored
from vignette.pixels.engines.variety import UnknownVariety
from vignette.pixels.pieces import Splice
from vignette.pixels.resampling import resized, upright

# From samples of 16 bits to those of 8.
_BYTE: Final = 257

Decode = Callable[[BinaryIO, Anatomy, tuple[int, int]], Image.Image]


def decode(file: BinaryIO, anatomy: Anatomy, size: tuple[int, int], decode_layer: Decode) -> Image.Image:
    """As `engines.decode`, which *decode_layer* is, of a picture whose *anatomy* says that it is an overlay."""
    length = file.seek(0, io.SEEK_END)
    reader = Reader(file, length)
    box = top_level(reader).first(b"meta")
    items = None if box is None else Items(reader, box)
    item = None if items is None else overlay_of(items, items.get(items.primary_id))
    if items is None or item is None:
        raise UnknownVariety("it is no overlay")
    overlay = read_overlay(reader, items, item)
    check_size(overlay.size, (anatomy.width, anatomy.height) if anatomy.aperture is None else anatomy.aperture.coded)

    def layer(item: Item) -> Image.Image:
        told = read_layer(reader, items, item)
        picture = Splice(file, heif_pixels.picture(reader, item.id), closes_source=False)
        told = told if told.colour is not None else replace(told, colour=anatomy.colour)
        return decode_layer(cast(BinaryIO, picture), told, told.upright_size)

    image = _laid(overlay, layer)
    for alpha in heif_pixels.alphas_of(reader, items, {items.primary_id, item.id}):
        image.putalpha(ImageChops.multiply(image.convert("RGBA").getchannel("A"), layer(alpha).convert("L")))
    shown = image if anatomy.shown is None else image.crop(anatomy.shown)
    return upright(resized(shown, stored(size, anatomy)), anatomy.orientation)


def _laid(overlay: Overlay, decoded: Callable[[Item], Image.Image]) -> Image.Image:
    ground = tuple(round(value / _BYTE) for value in overlay.ground)
    canvas = (
        Image.new("RGB", overlay.size, ground[:3]) if overlay.is_opaque else Image.new("RGBA", overlay.size, ground)
    )
    for layer in overlay.layers:
        # Each layer is given up before the next one is decoded.
        _lay(decoded(layer.item), canvas, layer.left, layer.top)
    return canvas


def _lay(image: Image.Image, canvas: Image.Image, left: int, top: int) -> None:
    inner = max(-left, 0), max(-top, 0), min(image.width, canvas.width - left), min(image.height, canvas.height - top)
    if inner[0] >= inner[2] or inner[1] >= inner[3]:
        return  # it lies outside
    if canvas.mode == "RGB":
        canvas.paste(image, (left, top), _mask(image))
    else:
        canvas.alpha_composite(image.crop(inner).convert("RGBA"), (max(left, 0), max(top, 0)))


def _mask(image: Image.Image) -> Image.Image | None:
    return image.getchannel("A") if "A" in image.getbands() else None
