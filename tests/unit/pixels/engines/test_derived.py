"""Pictures in AVIF and HEIC that are made of another one, turned, cropped, or in tiles that they share."""

from __future__ import annotations

import dataclasses
import io
import struct
from collections.abc import Sequence

import pillow_heif
import pytest
from PIL import Image

from tests.makers import HeifItem, box, clap, colr, encoded, full_box, grid, heif, imir, irot, ispe
from tests.profiles import SRGB, rgb_profile
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

CANVAS = 160, 120
GREY = 32768, 32768, 32768, 65535


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


def canvas(
    width: int, height: int, *places: tuple[int, int], ground: Sequence[int] = GREY, is_large: bool = False
) -> bytes:
    """The content of an overlay."""
    size, place = ("II", ">ii") if is_large else ("HH", ">hh")
    start = struct.pack(f">BB4H{size}", 0, is_large, *ground, width, height)
    return start + b"".join(struct.pack(place, *each) for each in places)


def overlay(
    size: tuple[int, int],
    *places: tuple[int, int],
    of: Sequence[int],
    properties: Sequence[bytes] = (),
    ground: Sequence[int] = GREY,
    is_large: bool = False,
) -> HeifItem:
    return made_of(b"iovl", canvas(*size, *places, ground=ground, is_large=is_large), size, *properties, of=of)


def laid(ground: Sequence[int], *layers: tuple[Image.Image, tuple[int, int]]) -> Image.Image:
    """The *layers*, each at its place, on a canvas of 160 by 120 pixels."""
    whole = Image.new("RGBA", CANVAS, tuple(value >> 8 for value in ground))
    for picture, place in layers:
        layer = Image.new("RGBA", CANVAS)
        layer.paste(picture.convert("RGBA"), place)
        whole.alpha_composite(layer)
    return whole


UPPER = SCENE.resize((64, 48))
CLEAR, RED, HALF_RED = (0, 0, 0, 0), (65535, 0, 0, 65535), (65535, 0, 0, 32768)


@FORMATS
@pytest.mark.parametrize("is_large", [False, True], ids=["16 bits", "32 bits"])
@pytest.mark.parametrize("ground", [GREY, RED, HALF_RED, CLEAR], ids=["grey", "red", "half red", "clear"])
@pytest.mark.parametrize(
    "places",
    [
        pytest.param(((8, 4), (90, 60)), id="within"),
        pytest.param(((-20, -10), (130, 100)), id="over the edges"),
        pytest.param(((-200, -10), (300, 10)), id="outside"),
    ],
)
def test_pictures_may_be_laid_over_each_other(
    file_format: str, places: tuple[tuple[int, int], ...], ground: tuple[int, ...], is_large: bool
) -> None:
    items = [
        overlay(CANVAS, *places, of=[2, 3], ground=ground, is_large=is_large),
        coded(file_format, SCENE),
        coded(file_format, UPPER),
    ]
    found = decoded(engines, heif(*items, brands=BRANDS[file_format]))

    assert decibels(found, laid(ground, (SCENE, places[0]), (UPPER, places[1]))) > 30


@FORMATS
@pytest.mark.parametrize("ground", [RED, CLEAR], ids=["red", "clear"])
@pytest.mark.parametrize("far", [(2**31 - 1, 0), (0, -(2**31)), (-(2**31), 2**31 - 1)])
def test_a_layer_may_be_as_far_away_as_numbers_go(
    file_format: str, far: tuple[int, int], ground: tuple[int, ...]
) -> None:
    items = [
        overlay(CANVAS, far, (8, 4), of=[2, 2], ground=ground, is_large=True),
        coded(file_format, UPPER),
    ]

    found = decoded(engines, heif(*items, brands=BRANDS[file_format]))

    assert decibels(found, laid(ground, (UPPER, (8, 4)))) > 30


LAID = laid(RED, (SCENE, (8, 4)), (UPPER, (90, 60)))


@FORMATS
@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param([irot(1)], LAID.transpose(Image.Transpose.ROTATE_90), id="turned"),
        pytest.param([imir(1)], LAID.transpose(Image.Transpose.FLIP_LEFT_RIGHT), id="mirrored"),
        pytest.param([clap(80, 60)], LAID.crop((40, 30, 120, 90)), id="cropped"),
    ],
)
@pytest.mark.parametrize("is_another", [False, True], ids=["itself", "as another one"])
def test_an_overlay_may_be_turned_and_cropped(
    file_format: str, properties: list[bytes], expected: Image.Image, is_another: bool
) -> None:
    first = 3 if is_another else 2
    told = () if is_another else properties
    items = [
        overlay(CANVAS, (8, 4), (90, 60), of=[first, first + 1], ground=RED, properties=told),
        coded(file_format, SCENE),
        coded(file_format, UPPER),
    ]
    if is_another:
        items.insert(0, made_of(b"iden", b"x", CANVAS, *properties, of=[2]))

    assert is_like(heif(*items, brands=BRANDS[file_format]), expected.convert("RGB"))


def alpha_of(file_format: str, image: Image.Image, number: int) -> HeifItem:
    item = coded(file_format, image, full_box(b"auxC", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"))
    return dataclasses.replace(item, references={b"auxl": [number]})


@FORMATS
def test_a_layer_may_be_transparent_turned_grey_and_a_grid(file_format: str) -> None:
    seen = UPPER.convert("L").convert("RGBA")
    seen.putalpha(Image.linear_gradient("L").resize(UPPER.size))
    left, right = SCENE.crop((0, 0, 64, 96)), SCENE.crop((64, 0, 128, 96))
    items = [
        overlay(CANVAS, (8, 4), (90, 60), of=[2, 5], ground=RED),
        made_of(b"grid", grid(1, 2, *SIZE), SIZE, imir(1), of=[3, 4]),
        coded(file_format, left),
        coded(file_format, right),
        coded(file_format, UPPER.convert("L")),
        alpha_of(file_format, seen.getchannel("A"), 5),
    ]
    expected = laid(RED, (SCENE.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (8, 4)))
    expected.alpha_composite(seen, (90, 60))

    assert decibels(decoded(engines, heif(*items, brands=BRANDS[file_format])), expected) > 30


@FORMATS
def test_an_overlay_may_be_transparent(file_format: str) -> None:
    alpha = Image.linear_gradient("L").resize(CANVAS)
    items = [overlay(CANVAS, (8, 4), of=[2], ground=RED), coded(file_format, SCENE), alpha_of(file_format, alpha, 1)]
    expected = laid(RED, (SCENE, (8, 4)))
    expected.putalpha(alpha)

    assert decibels(decoded(engines, heif(*items, brands=BRANDS[file_format])), expected) > 30


@FORMATS
def test_each_layer_has_its_own_colours(file_format: str) -> None:
    swapped = rgb_profile([SRGB[1], SRGB[0], SRGB[2]])
    items = [
        overlay(CANVAS, (0, 0), (64, 48), of=[2, 3], ground=RED),
        coded(file_format, UPPER, colr(swapped)),
        coded(file_format, UPPER),
    ]
    green, red, blue = UPPER.split()

    expected = laid(RED, (Image.merge("RGB", (red, green, blue)), (0, 0)), (UPPER, (64, 48)))
    assert is_like(heif(*items, brands=BRANDS[file_format]), expected.convert("RGB"))


@FORMATS
def test_the_memory_of_an_overlay_is_counted(file_format: str) -> None:
    layer = coded(file_format, SCENE)
    plain = anatomy(heif(layer, brands=BRANDS[file_format]))
    opaque, clear = (
        anatomy(heif(overlay(SIZE, (0, 0), of=[2], ground=ground), layer, brands=BRANDS[file_format]))
        for ground in (RED, CLEAR)
    )

    assert plain.held_bytes < opaque.held_bytes <= clear.held_bytes


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
        pytest.param([made_of(b"iovl", canvas(9, 9, (0, 0)), SIZE, of=[2])], "coded as 9 × 9", id="another size"),
        pytest.param([made_of(b"iovl", canvas(*SIZE)[:13], SIZE, of=[2])], "cut short", id="cut short"),
        pytest.param([made_of(b"iovl", canvas(*SIZE), SIZE, of=[2])], "cut short", id="no place"),
    ],
)
def test_an_overlay_that_makes_no_sense_is_refused(items: list[HeifItem], words: str) -> None:
    with pytest.raises(Refused, match=words):
        anatomy(heif(*items, coded("HEIC", SCENE), brands=BRANDS["HEIC"]))


@FORMATS
def test_an_overlay_that_is_a_part_of_another_picture_is_refused(file_format: str) -> None:
    parts = [overlay(SIZE, (0, 0), of=[3]), coded(file_format, SCENE)]
    tiles = [made_of(b"grid", grid(1, 1, *SIZE), SIZE, of=[2]), *parts]
    alpha = full_box(b"auxC", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")
    transparency = dataclasses.replace(
        parts[0], properties=(ispe(*SIZE), alpha), references={b"dimg": [3], b"auxl": [1]}
    )

    for items in (tiles, [coded(file_format, SCENE), transparency, parts[1]]):
        with pytest.raises(UnsupportedFormat, match="pictures laid over each other that are"):
            anatomy(heif(*items, brands=BRANDS[file_format]))


@FORMATS
def test_another_view_of_another_view_of_an_overlay_is_shown(file_format: str) -> None:
    items = [
        made_of(b"iden", b"x", CANVAS, irot(2), of=[2]),
        made_of(b"iden", b"x", CANVAS, of=[3]),
        overlay(CANVAS, (8, 4), (90, 60), of=[4, 5], ground=RED),
        coded(file_format, SCENE),
        coded(file_format, UPPER),
    ]

    assert is_like(heif(*items, brands=BRANDS[file_format]), LAID.convert("RGB").transpose(Image.Transpose.ROTATE_180))
