"""HEIC as cameras write it: large tiles in 10 bits and 4:2:2, turned, with the range of the samples in `colr`."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pillow_heif
import pytest
from PIL import Image

from tests.makers import HeifItem, box, grid, heif, imir, irot, ispe
from tests.unit.pixels.engines.scenes import STORED_AS, decibels, decoded, scene, stored
from vignette.pixels.containers.heif_items import Items
from vignette.pixels.containers.heif_top_level import top_level
from vignette.pixels.containers.reader import Reader
from vignette.pixels.engines import heif_tiles, libheif

TILE = 192, 128
SIZE = 560, 372  # not whole tiles
TARGET = 140, 93
# What `irot` and `imir` undo what an EXIF orientation stands for; the container's turns are counter-clockwise.
TURNS = {
    1: (),
    2: (imir(1),),
    3: (irot(2),),
    4: (imir(0),),
    5: (irot(3), imir(1)),
    6: (irot(3),),
    7: (irot(1), imir(1)),
    8: (irot(1),),
}


def nclx(matrix: int, *, full: bool) -> bytes:
    return box(b"colr", b"nclx", struct.pack(">HHHB", 1, 13, matrix, full << 7))


def coded(image: Image.Image, bits: int, chroma: int) -> HeifItem:
    """*image* as an item without a `colr`."""
    return _coded(image.tobytes(), image.size, bits, chroma)


@cache
def _coded(pixels: bytes, size: tuple[int, int], bits: int, chroma: int) -> HeifItem:
    made = io.BytesIO()
    samples = pixels if bits == 8 else b"".join(struct.pack("<H", value * 257) for value in pixels)
    mode = "RGB" if bits == 8 else "RGB;16"
    pillow_heif.from_bytes(mode=mode, size=size, data=samples).save(made, quality=95, chroma=chroma)
    reader = Reader(made, made.seek(0, io.SEEK_END))
    meta = top_level(reader).first(b"meta")
    assert meta is not None
    items = Items(reader, meta)
    item = items.get(items.primary_id)
    content = made.getvalue()
    data = b"".join(content[extent.offset : extent.offset + extent.length] for extent in items.extents(item))
    own = [box(each.kind, content[each.start : each.end]) for each in items.properties(item) if each.kind != b"colr"]
    return HeifItem(item.kind, data, tuple(own))


def in_tiles(
    image: Image.Image, *properties: bytes, bits: int = 10, chroma: int = 422, of_tiles: Sequence[bytes] = ()
) -> bytes:
    """*image* in tiles that reach beyond its right and lower edge; they have the properties *of_tiles*."""
    columns, rows = -(-image.width // TILE[0]), -(-image.height // TILE[1])
    whole = image.resize((columns * TILE[0], rows * TILE[1]), box=(0, 0, *image.size))
    whole.paste(image, (0, 0))
    boxes = [
        (x * TILE[0], y * TILE[1], (x + 1) * TILE[0], (y + 1) * TILE[1]) for y in range(rows) for x in range(columns)
    ]
    tiles = [coded(whole.crop(each), bits, chroma) for each in boxes]
    tiles = [replace(tile, properties=(*tile.properties, *of_tiles)) for tile in tiles]
    content = grid(rows, columns, *image.size)
    made = HeifItem(b"grid", content, (ispe(*image.size), *properties), {b"dimg": range(2, 2 + len(tiles))})
    return heif(made, *tiles, brands=(b"heic", b"mif1"))


WAYS = {"tile by tile": 0, "whole": 10**12}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heif_tiles, "_MOST_BYTES_TOGETHER", WAYS[request.param])


@pytest.mark.parametrize("target", [TARGET, (281, 186), SIZE], ids=str)
@pytest.mark.parametrize(("bits", "chroma"), [(8, 420), (10, 420), (10, 422), (10, 444)])
def test_tile_by_tile_a_picture_has_no_seams(
    bits: int, chroma: int, target: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = in_tiles(scene(*SIZE), bits=bits, chroma=chroma)

    whole = decoded(libheif, content, target)
    monkeypatch.setattr(heif_tiles, "_MOST_BYTES_TOGETHER", 0)
    assert decibels(decoded(libheif, content, target), whole) >= 40
    assert decibels(whole, scene(*SIZE).resize(target, Image.Resampling.LANCZOS)) >= 28


@pytest.mark.parametrize("orientation", STORED_AS)
@pytest.mark.parametrize("chroma", [420, 422])
def test_tile_by_tile_it_is_turned_as_a_whole_is(
    chroma: int, orientation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = in_tiles(stored(scene(*SIZE), orientation), *TURNS[orientation], chroma=chroma)

    whole = decoded(libheif, content, TARGET)
    monkeypatch.setattr(heif_tiles, "_MOST_BYTES_TOGETHER", 0)
    assert decibels(decoded(libheif, content, TARGET), whole) >= 40
    assert decibels(whole, scene(*SIZE).resize(TARGET, Image.Resampling.LANCZOS)) >= 30


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("chroma", [420, 422, 444])
@pytest.mark.parametrize("turns", [(), (irot(1),), (irot(2),)], ids=["upright", "a quarter", "a half"])
def test_the_range_that_the_container_tells_counts_once(turns: Sequence[bytes], chroma: int) -> None:
    """What is coded says that white is 255. The container says that it is 235, and black 16 (ITU-T H.273, 8.3)."""
    size = (2 * TILE[0], 2 * TILE[1])
    image = Image.new("RGB", size, (198, 198, 198))
    image.paste((53, 53, 53), (0, 0, size[0] // 2, size[1]))
    told = nclx(6, full=False)
    content = in_tiles(image, told, *turns, chroma=chroma, of_tiles=[told])

    low, high = decoded(libheif, content).convert("L").getextrema()
    assert abs(low - (53 - 16) * 255 / 219) <= 2
    assert abs(high - (198 - 16) * 255 / 219) <= 2


@pytest.mark.parametrize("is_grid", [True, False])
def test_the_matrix_that_the_container_tells_counts(is_grid: bool) -> None:
    """What is coded says BT.601; by BT.709 its green is another one."""
    image = Image.new("RGB", TILE, (40, 180, 60))
    if is_grid:
        content = in_tiles(image, nclx(1, full=True), chroma=444)
    else:
        item = coded(image, 10, 444)
        content = heif(replace(item, properties=(*item.properties, nclx(1, full=True))))

    y = 0.299 * 40 + 0.587 * 180 + 0.114 * 60
    cb, cr = (60 - y) / 1.772, (40 - y) / 1.402
    expected = y + 1.5748 * cr, y - 0.1873 * cb - 0.4681 * cr, y + 1.8556 * cb
    found = decoded(libheif, content).getpixel((90, 60))
    assert isinstance(found, tuple)
    assert all(abs(one - other) <= 3 for one, other in zip(found, expected, strict=True))
