"""Pictures in AVIF and HEIC that are made of another one, turned, cropped, or in tiles that they share."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import pillow_heif
import pytest
from PIL import Image

from tests.makers import HeifItem, box, clap, encoded, grid, heif, imir, irot, ispe
from tests.unit.pixels.engines.scenes import decibels, decoded, scene
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage, Refused, UnsupportedFormat
from vignette.pixels import engines
from vignette.pixels.containers.heif_items import Items
from vignette.pixels.containers.heif_top_level import top_level
from vignette.pixels.containers.reader import Reader

SIZE = 128, 96
SCENE = scene().resize(SIZE)
BRANDS = {"AVIF": (b"avif", b"mif1"), "HEIC": (b"heic", b"mif1")}
FORMATS = pytest.mark.parametrize("file_format", BRANDS)

FAR_OUTSIDE = clap(800, 600)


def coded(file_format: str, image: Image.Image, *properties: bytes) -> HeifItem:
    """*image* as an item of another file, with *properties* more."""
    made = io.BytesIO()
    if file_format == "AVIF":
        made.write(encoded(image, "AVIF", quality=95, subsampling="4:0:0" if image.mode == "L" else "4:4:4"))
    else:
        pillow_heif.from_pillow(image).save(made, quality=95, chroma=444)
    content = made.getvalue()
    reader = Reader(made, len(content))
    meta = top_level(reader).first(b"meta")
    assert meta is not None
    items = Items(reader, meta)
    item = items.get(items.primary_id)
    pixels = b"".join(content[extent.offset : extent.offset + extent.length] for extent in items.extents(item))
    own = [box(each.kind, content[each.start : each.end]) for each in items.properties(item)]
    return HeifItem(item.kind, pixels, (*own, *properties))


def made_of(kind: bytes, content: bytes, size: tuple[int, int], *properties: bytes, of: Sequence[int]) -> HeifItem:
    return HeifItem(kind, content, (ispe(*size), *properties), {b"dimg": of})


def shown(content: bytes) -> Image.Image:
    return decoded(engines, content).convert("RGB")


def is_like(content: bytes, expected: Image.Image) -> bool:
    found = shown(content)
    return found.size == expected.size and decibels(found, expected) > 30


@FORMATS
@pytest.mark.parametrize(
    ("properties", "transposed"),
    [
        pytest.param([], None, id="as it is"),
        pytest.param([irot(1)], Image.Transpose.ROTATE_90, id="turned"),
        pytest.param([imir(1)], Image.Transpose.FLIP_LEFT_RIGHT, id="mirrored"),
    ],
)
def test_a_picture_may_be_another_one_turned(
    file_format: str, properties: Sequence[bytes], transposed: Image.Transpose | None
) -> None:
    identity = made_of(b"iden", b"x", SIZE, *properties, of=[2])
    content = heif(identity, coded(file_format, SCENE), brands=BRANDS[file_format])

    assert is_like(content, SCENE if transposed is None else SCENE.transpose(transposed))


@FORMATS
def test_a_picture_may_be_a_grid_turned(file_format: str) -> None:
    left, right = SCENE.crop((0, 0, 64, 96)), SCENE.crop((64, 0, 128, 96))
    items = [
        made_of(b"iden", b"x", SIZE, irot(1), of=[2]),
        made_of(b"grid", grid(1, 2, *SIZE), SIZE, of=[3, 4]),
        coded(file_format, left),
        coded(file_format, right),
    ]

    assert is_like(heif(*items, brands=BRANDS[file_format]), SCENE.transpose(Image.Transpose.ROTATE_90))


@FORMATS
def test_a_picture_that_is_turned_twice_is_refused(file_format: str) -> None:
    items = [made_of(b"iden", b"x", SIZE, irot(1), of=[2]), coded(file_format, SCENE, irot(1))]

    with pytest.raises(UnsupportedFormat, match="another time"):
        anatomy(heif(*items, brands=BRANDS[file_format]))


@FORMATS
def test_a_tile_may_be_used_twice(file_format: str) -> None:
    tile = SCENE.crop((0, 0, 64, 96))
    items = [made_of(b"grid", grid(1, 2, *SIZE), SIZE, of=[2, 2]), coded(file_format, tile)]
    expected = Image.new("RGB", SIZE)
    expected.paste(tile)
    expected.paste(tile, (64, 0))

    assert is_like(heif(*items, brands=BRANDS[file_format]), expected)


def test_a_grid_of_grey_and_of_coloured_tiles_is_refused() -> None:
    tile = SCENE.crop((0, 0, 64, 96))
    items = [
        made_of(b"grid", grid(1, 2, *SIZE), SIZE, of=[2, 3]),
        coded("AVIF", tile),
        coded("AVIF", tile.convert("L")),
    ]

    with pytest.raises(BrokenImage, match="some parts of the item 1 are grey"):
        anatomy(heif(*items, brands=BRANDS["AVIF"]))


@FORMATS
@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param([clap(40, 20)], SCENE.crop((44, 38, 84, 58)), id="cropped to a small part"),
        pytest.param(
            [clap(40, 20), irot(1)],
            SCENE.crop((44, 38, 84, 58)).transpose(Image.Transpose.ROTATE_90),
            id="cropped, then turned",
        ),
        pytest.param([FAR_OUTSIDE], SCENE, id="to more than there is"),
        pytest.param(
            [irot(1), clap(200, 50)],
            SCENE.transpose(Image.Transpose.ROTATE_90),
            id="turned, then as outside",
        ),
    ],
)
def test_a_clean_aperture_is_heeded_if_it_makes_sense(
    file_format: str, properties: Sequence[bytes], expected: Image.Image
) -> None:
    content = heif(coded(file_format, SCENE, *properties), brands=BRANDS[file_format])

    assert is_like(content, expected)


@FORMATS
def test_what_turns_a_picture_need_not_be_essential(file_format: str) -> None:
    content = heif(coded(file_format, SCENE, clap(40, 20), irot(1)), brands=BRANDS[file_format])
    at = content.index(b"ipma")
    first, last = at + 15, at + 15 + content[at + 14]  # of one byte each, for the only item
    plain = content[:first] + bytes(each & 0x7F for each in content[first:last]) + content[last:]

    assert plain != content
    assert shown(plain).tobytes() == shown(content).tobytes()


def test_a_film_may_have_metadata_without_a_picture() -> None:
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "green")]
    content = encoded(frames[0], "AVIF", save_all=True, append_images=frames[1:])
    assert content.count(b"pitm") == 1

    film = content.replace(b"pitm", b"free")

    assert anatomy(film).frames == 2
    assert decibels(shown(film), frames[0]) > 30


def canvas(width: int, height: int, *places: tuple[int, int]) -> bytes:
    """The content of an overlay on a grey canvas."""
    start = struct.pack(">BB4HHH", 0, 0, 32768, 32768, 32768, 65535, width, height)
    return start + b"".join(struct.pack(">hh", *place) for place in places)


def overlay(size: tuple[int, int], *places: tuple[int, int], of: Sequence[int]) -> HeifItem:
    return made_of(b"iovl", canvas(*size, *places), size, of=of)


def test_pictures_may_be_laid_over_each_other() -> None:
    upper = SCENE.resize((64, 48))
    layers = [coded("HEIC", SCENE), coded("HEIC", upper)]
    content = heif(overlay((160, 120), (8, 4), (90, 60), of=[2, 3]), *layers, brands=BRANDS["HEIC"])
    expected = Image.new("RGB", (160, 120), (128, 128, 128))
    expected.paste(SCENE, (8, 4))
    expected.paste(upper, (90, 60))

    assert is_like(content, expected)


def test_the_memory_of_an_overlay_is_counted() -> None:
    layer = coded("HEIC", SCENE)
    plain = anatomy(heif(layer, brands=BRANDS["HEIC"]))
    laid = anatomy(heif(overlay(SIZE, (0, 0), of=[2]), layer, brands=BRANDS["HEIC"]))

    assert laid.held_bytes > plain.held_bytes


@pytest.mark.parametrize(
    ("items", "words"),
    [
        pytest.param([overlay(SIZE, *[(0, 0)] * 5, of=[2] * 5)], "lays 61,440 pixels", id="one many times"),
        pytest.param([overlay(SIZE, (0, 0), of=[2]), overlay(SIZE, (0, 0), of=[3])], "made of others", id="overlays"),
        pytest.param(
            [overlay(SIZE, (0, 0), of=[2]), made_of(b"grid", grid(1, 1, *SIZE), SIZE, of=[1])],
            "made of others",
            id="a circle",
        ),
        pytest.param([made_of(b"iovl", canvas(9, 9), SIZE, of=[2])], "coded as 9 × 9", id="another size"),
        pytest.param([made_of(b"iovl", canvas(*SIZE)[:13], SIZE, of=[2])], "cut short", id="cut short"),
    ],
)
def test_an_overlay_that_makes_no_sense_is_refused(items: list[HeifItem], words: str) -> None:
    with pytest.raises(Refused, match=words):
        anatomy(heif(*items, coded("HEIC", SCENE), brands=BRANDS["HEIC"]))


def test_an_overlay_in_avif_is_refused() -> None:
    with pytest.raises(UnsupportedFormat, match="in an AVIF"):
        anatomy(heif(overlay(SIZE, (0, 0), of=[2]), coded("AVIF", SCENE), brands=BRANDS["AVIF"]))
