"""What is read of AVIF, HEIC and HEIF, and what is none."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import pytest
from PIL import Image

from tests import makers
from tests.makers import (
    HeifItem,
    animation,
    av1_header,
    av1_unit,
    bits,
    box,
    clap,
    coded,
    colr,
    full_box,
    grid,
    heif,
    hevc_unit,
    hvcc,
    imir,
    irot,
    ispe,
    sps,
    still,
)
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage, TooManyFrames, TooManyPixels, UnsupportedFormat
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.formats import AVIF, HEIC, HEIF

EXIF_ORIENTATIONS: dict[int, Image.Transpose | None] = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
TURNS = [None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270]
"""Of `irot`: quarters anticlockwise."""
MIRRORS = [Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.FLIP_LEFT_RIGHT]
"""Of `imir`: axis 0 and 1."""


def turned(image: Image.Image, how: Image.Transpose | None) -> Image.Image:
    return image if how is None else image.transpose(how)


def tiles(count: int, width: int = 64, height: int = 48) -> list[HeifItem]:
    return [coded(width, height)] * count


def grid_item(rows: int, columns: int, width: int, height: int, *properties: bytes) -> HeifItem:
    """The primary item: a grid of the items after it."""
    return HeifItem(
        kind=b"grid",
        content=grid(rows, columns, width, height),
        properties=(ispe(width, height), *properties),
        references={b"dimg": range(2, 2 + rows * columns)},
    )


def exif_item(content: bytes) -> HeifItem:
    return HeifItem(b"Exif", content, properties=(), references={b"cdsc": [1]})


def xmp_item(content: bytes, content_type: bytes = b"application/rdf+xml") -> HeifItem:
    return HeifItem(b"mime", content, properties=(), references={b"cdsc": [1]}, content_type=content_type)


def test_avif_is_read() -> None:
    read = anatomy(still("AVIF", 45, 31))

    assert (read.format, read.width, read.height, read.frames, read.orientation) == (AVIF, 45, 31, 1, 1)


@pytest.mark.parametrize("in_idat", [False, True], ids=["in mdat", "in idat"])
def test_heic_is_read(in_idat: bool) -> None:
    read = anatomy(heif(in_idat=in_idat))

    assert (read.format, read.width, read.height, read.frames, read.orientation) == (HEIC, 64, 48, 1, 1)


def test_heif_is_of_the_codec_that_it_holds() -> None:
    assert anatomy(heif(brands=(b"mif1", b"heic"))).format is HEIC
    assert anatomy(heif(brands=(b"mif1", b"miaf"))).format is HEIF


@pytest.mark.parametrize("mirror_comes_first", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("quarters", range(4))
def test_turns_and_mirrorings_are_an_exif_orientation(
    quarters: int, axis: int | None, mirror_comes_first: bool
) -> None:
    image = makers.picture(3, 2)
    steps = [(irot(quarters), TURNS[quarters])]
    if axis is not None:
        steps.insert(0 if mirror_comes_first else 1, (imir(axis), MIRRORS[axis]))

    read = anatomy(heif(coded(64, 48, *(properties for properties, _ in steps))))

    upright = image
    for _, step in steps:
        upright = turned(upright, step)
    by_exif = turned(image, EXIF_ORIENTATIONS[read.orientation])
    assert by_exif.tobytes() == upright.tobytes()
    assert (read.width, read.height) == (64, 48)
    assert read.upright_size == ((64, 48) if upright.size == image.size else (48, 64))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_that_pillow_writes_is_the_one_that_is_read(orientation: int) -> None:
    content = still("AVIF", exif=makers.exif(orientation))

    with Image.open(io.BytesIO(content)) as image:
        assert anatomy(content).orientation == orientation == image.getexif().get(makers.ORIENTATION, 1)


def test_the_orientation_in_exif_is_ignored() -> None:
    exif = makers.exif(6)
    read = anatomy(heif(HeifItem(), exif_item(bytes(4) + exif)))

    assert read.orientation == 1
    assert read.blocks.exif == exif


@pytest.mark.parametrize(
    ("properties", "upright_size"),
    [
        pytest.param([clap(60, 40)], (60, 40), id="cropped"),
        pytest.param([clap(60, 40), irot(1)], (40, 60), id="cropped, then turned"),
        pytest.param([irot(1), clap(40, 60)], (40, 60), id="turned, then cropped"),
        pytest.param([clap(65, 40)], (64, 48), id="larger than the picture: no cropping"),
        pytest.param([clap(0, 40)], (64, 48), id="to nothing: no cropping"),
        pytest.param([box(b"clap", struct.pack(">IIIIiIiI", 121, 2, 40, 1, 0, 1, 0, 1))], (60, 40), id="by a fraction"),
        pytest.param([clap(60, 40, 9)], (53, 40), id="over the edge"),
        pytest.param([box(b"clap", bytes(32))], (64, 48), id="by zero: no cropping"),
    ],
)
def test_a_picture_may_be_cropped(properties: list[bytes], upright_size: tuple[int, int]) -> None:
    assert anatomy(heif(coded(64, 48, *properties))).upright_size == upright_size


def test_a_grid_is_as_large_as_it_says() -> None:
    read = anatomy(heif(grid_item(2, 3, 180, 90, irot(3)), *tiles(6)))

    assert (read.width, read.height, read.orientation, read.upright_size) == (180, 90, 6, (90, 180))


@pytest.mark.parametrize(
    ("items", "words"),
    [
        pytest.param([grid_item(2, 3, 180, 90), *tiles(5)], "does not have it", id="a tile is missing"),
        pytest.param([grid_item(2, 3, 193, 90), *tiles(6)], "do not make a picture", id="not covered"),
        pytest.param([grid_item(2, 3, 128, 90), *tiles(6)], "do not make a picture", id="a column outside"),
        pytest.param(
            [grid_item(1, 2, 128, 48), *tiles(1), *tiles(1, 64, 47)], "do not make a picture", id="unequal tiles"
        ),
        pytest.param(
            [HeifItem(b"grid", grid(1, 1, 64, 48), (ispe(64, 48),)), *tiles(1)], "from nothing", id="no tiles"
        ),
        pytest.param(
            [HeifItem(b"grid", grid(1, 2, 64, 48), (ispe(64, 48),), {b"dimg": [2]}), *tiles(1)],
            "1 × 2 tiles, but 1",
            id="fewer references than tiles",
        ),
        pytest.param(
            [HeifItem(b"grid", grid(1, 1, 60, 48), (ispe(64, 48),), {b"dimg": [2]}), *tiles(1)],
            "do not make a picture",
            id="two sizes",
        ),
        pytest.param(
            [HeifItem(b"grid", b"\0\0\0\0", (ispe(64, 48),), {b"dimg": [2]}), *tiles(1)], "cut short", id="cut short"
        ),
        pytest.param(
            [HeifItem(b"iden", b"x", (ispe(64, 48),), {b"dimg": [1]})], "made of no picture", id="derived from itself"
        ),
        pytest.param(
            [HeifItem(b"iden", b"x", (ispe(64, 47),), {b"dimg": [2]}), *tiles(1)], "another size", id="another size"
        ),
        pytest.param(
            [HeifItem(b"iden", b"x", (ispe(64, 48),), {b"dimg": [2, 2]}), *tiles(1)], "be another picture", id="of two"
        ),
        pytest.param(
            [HeifItem(b"iden", b"x", (ispe(64, 48),), {b"dimg": [2] * 4001}), *tiles(1)],
            "more than 4,000",
            id="of many",
        ),
    ],
)
def test_a_grid_that_does_not_fit_is_refused(items: list[HeifItem], words: str) -> None:
    with pytest.raises(BrokenImage, match=words):
        anatomy(heif(*items))


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([coded(20_000, 20_000)], id="a picture"),
        pytest.param([grid_item(1, 1, 20_000, 20_000), *tiles(1, 20_000, 20_000)], id="a grid"),
        pytest.param([grid_item(1, 1, 64, 48), *tiles(1, 20_000, 20_000)], id="a tile"),
        pytest.param(
            [coded(), HeifItem(properties=coded(20_000, 20_000).properties, references={b"auxl": [1]})],
            id="its transparency",
        ),
    ],
)
def test_a_picture_of_too_many_pixels_is_refused(items: list[HeifItem]) -> None:
    with pytest.raises(TooManyPixels):
        anatomy(heif(*items), Bounds(max_pixels=100_000_000))


@pytest.mark.parametrize(
    ("brands", "item"),
    [
        pytest.param((b"heic",), HeifItem(kind=b"jpeg"), id="JPEG in HEIC"),
        pytest.param((b"heic",), HeifItem(kind=b"av01"), id="AV1 in HEIC"),
        pytest.param((b"avif",), HeifItem(kind=b"hvc1"), id="HEVC in AVIF"),
        pytest.param((b"mif1",), HeifItem(kind=b"j2k1"), id="JPEG 2000 in HEIF"),
    ],
)
def test_other_codecs_are_not_supported(brands: tuple[bytes, ...], item: HeifItem) -> None:
    with pytest.raises(UnsupportedFormat, match="a picture of type"):
        anatomy(heif(item, brands=brands))


@pytest.mark.parametrize(
    ("item", "words"),
    [
        pytest.param(HeifItem(properties=[box(b"hvcC")]), "lacks its size", id="no size"),
        pytest.param(HeifItem(properties=[ispe(64, 48)]), "lacks the configuration", id="no configuration"),
        pytest.param(HeifItem(properties=[ispe(0, 48), box(b"hvcC")]), "0 × 48 pixels", id="no width"),
        pytest.param(HeifItem(properties=[box(b"ispe"), box(b"hvcC")]), "is 0 bytes long", id="a size cut short"),
        pytest.param(coded(64, 48, box(b"irot")), "is 0 bytes long", id="a turn cut short"),
        pytest.param(HeifItem(content=b""), "needs bytes", id="no content"),
    ],
)
def test_a_picture_that_lacks_something_is_refused(item: HeifItem, words: str) -> None:
    # What follows the item would else be taken for it: an extent of length 0 reaches to the end of the file.
    content = heif(item)
    with pytest.raises(BrokenImage, match=words):
        anatomy(content[:-8] if not item.content else content)


@pytest.mark.parametrize("kind", [b"pitm", b"iinf", b"iloc", b"iprp", b"ipco"])
def test_a_file_that_lacks_a_box_is_refused(kind: bytes) -> None:
    with pytest.raises(BrokenImage, match=f"lacks the box '{kind.decode()}'"):
        anatomy(heif().replace(kind, b"free"))


def test_a_picture_without_boxes_for_it_is_not_supported() -> None:
    with pytest.raises(UnsupportedFormat, match="no still picture"):
        anatomy(heif().replace(b"meta", b"free"))


def located(location: bytes, version: int = 1, sizes: bytes = b"\x44\0", count: int = 1) -> bytes:
    """A picture whose box `iloc` says *location*."""
    place = full_box(b"iloc", sizes, struct.pack(">H", count), location, version=version)
    whole = heif()
    start = whole.index(b"iloc") - 4
    end = start + int.from_bytes(whole[start : start + 4], "big")
    longer = len(place) - (end - start)
    meta = whole.index(b"meta") - 4
    meta_length = int.from_bytes(whole[meta : meta + 4], "big") + longer
    return whole[:meta] + struct.pack(">I", meta_length) + whole[meta + 4 : start] + place + whole[end:]


def extent(method: int = 0, elsewhere: int = 0, offset: int = 0, length: int = 10, item: int = 1) -> bytes:
    return struct.pack(">HHHHII", item, method, elsewhere, 1, offset, length)


def test_a_place_in_the_file_may_be_told_in_each_version() -> None:
    # The first box of the file, and the zeros in it, are units of HEVC too.
    assert anatomy(located(extent(length=24))).width == 64
    assert anatomy(located(struct.pack(">HHHII", 1, 0, 1, 0, 24), version=0)).width == 64
    wide = struct.pack(">HIHHQHQQQ", 1, 1, 0, 0, 12, 1, 7, 0, 4)
    assert anatomy(located(wide, version=2, sizes=b"\x88\x88", count=0)).width == 64


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        pytest.param(located(extent(elsewhere=1)), UnsupportedFormat, "in another file", id="in another file"),
        pytest.param(located(extent(method=2)), UnsupportedFormat, "in another item", id="in another item"),
        pytest.param(located(extent(method=1)), BrokenImage, "there is none", id="in idat, which is not there"),
        pytest.param(located(extent(offset=2**31)), BrokenImage, "needs bytes 2,147,483,648", id="outside"),
        pytest.param(located(extent(item=2)), BrokenImage, "is nowhere", id="nowhere"),
        pytest.param(located(b"", version=3), UnsupportedFormat, "version 3", id="in a later version"),
        pytest.param(located(extent(), sizes=b"\x35\0"), BrokenImage, "numbers of 3500 bytes", id="in odd numbers"),
        pytest.param(located(b"\0\1"), BrokenImage, "'iloc' .* is cut short", id="cut short"),
        pytest.param(
            located(b"\0\1\0\0\0\0\xff\xff", sizes=b"\0\0"), BrokenImage, "without a place", id="many times nothing"
        ),
    ],
)
def test_a_picture_must_have_its_place_in_the_file(content: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        anatomy(content)


def test_an_encrypted_picture_is_not_supported() -> None:
    content = heif().replace(struct.pack(">HH", 1, 0) + b"hvc1", struct.pack(">HH", 1, 1) + b"hvc1")

    with pytest.raises(UnsupportedFormat, match="a picture of type encrypted"):
        anatomy(content)


def avif(content: bytes, width: int = 64, height: int = 48) -> bytes:
    item = HeifItem(b"av01", content, (ispe(width, height), box(b"av1C", bytes(4))))
    return heif(item, brands=(b"avif", b"mif1"))


def hevc(*properties: bytes, content: bytes = HeifItem().content) -> bytes:
    return heif(HeifItem(content=content, properties=properties))


@pytest.mark.parametrize(
    "unit",
    [
        pytest.param(sps(64, 48), id="as it is"),
        pytest.param(sps(127, 111), id="in whole blocks"),
        pytest.param(sps(64, 48, layers=2), id="in temporal layers"),
        pytest.param(sps(64, 48, chroma=3), id="in full colour"),
    ],
)
def test_hevc_may_code_up_to_a_block_more(unit: bytes) -> None:
    assert anatomy(hevc(ispe(64, 48), hvcc(unit))).width == 64


@pytest.mark.parametrize(
    ("chroma", "window"),
    [
        pytest.param(1, (0, 48, 0, 0), id="4:2:0, to the left"),
        pytest.param(2, (8, 40, 0, 0), id="4:2:2, in the middle"),
        pytest.param(3, (90, 6, 0, 0), id="4:4:4, to the right"),
    ],
)
def test_hevc_is_as_large_as_its_window(chroma: int, window: Sequence[int]) -> None:
    unit = sps(160, 48, chroma=chroma, window=window)

    assert anatomy(hevc(ispe(64, 48), hvcc(unit))).upright_size == (64, 48)
    with pytest.raises(BrokenImage, match="claims to be 64 × 46 pixels, but is coded as 64 × 48"):
        anatomy(hevc(ispe(64, 46), hvcc(unit)))


def test_what_a_window_hides_is_held_in_memory() -> None:
    hidden = anatomy(hevc(ispe(64, 48), hvcc(sps(6400, 4800, window=(0, 3168, 0, 2376)))))

    assert hidden.held_bytes >= 2 * 6400 * 4800


@pytest.mark.parametrize("size", [(128, 48), (64, 112), (63, 48), (64, 47)])
def test_hevc_of_another_size_is_refused(size: tuple[int, int]) -> None:
    other = sps(*size)
    words = f"64 × 48 pixels, but is coded as {size[0]} × {size[1]}"
    for content in (
        hevc(ispe(64, 48), hvcc(other)),
        hevc(ispe(64, 48), hvcc(sps(64, 48), other)),
        hevc(ispe(64, 48), hvcc(sps(64, 48)), content=hevc_unit(b"x") + hevc_unit(other)),
    ):
        with pytest.raises(BrokenImage, match=words):
            anatomy(content)


def test_a_tile_of_another_size_is_refused() -> None:
    tile = HeifItem(properties=(ispe(64, 48), hvcc(sps(6400, 4800))))

    with pytest.raises(BrokenImage, match="item 2 claims to be 64 × 48"):
        anatomy(heif(grid_item(1, 1, 64, 48), tile))


def test_the_transparency_of_a_tile_is_looked_at() -> None:
    alpha = HeifItem(properties=(ispe(64, 48), hvcc(sps(6400, 4800))), references={b"auxl": [2]})

    with pytest.raises(BrokenImage, match="item 3 claims to be 64 × 48"):
        anatomy(heif(grid_item(1, 1, 64, 48), coded(), alpha))


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        pytest.param(hevc(ispe(64, 48), hvcc()), BrokenImage, "tells no size", id="no parameter set"),
        pytest.param(hevc(ispe(64, 48), hvcc(b"\x42\1")), BrokenImage, "set is cut short", id="one cut short"),
        pytest.param(hevc(ispe(64, 48), hvcc(b"\x42\1" + bytes(99))), BrokenImage, "more than 32 bits", id="zeros"),
        pytest.param(hevc(ispe(64, 48), hvcc(sps(64, 48), lengths=2)), UnsupportedFormat, "four bytes", id="lengths"),
        pytest.param(hevc(ispe(64, 48), box(b"hvcC", bytes(70_000))), BrokenImage, "70,000 bytes", id="a long one"),
        pytest.param(
            hevc(ispe(64, 48), hvcc(sps(64, 48)), content=bytes(4) * 200_001), BrokenImage, "250,000 steps", id="units"
        ),
        pytest.param(
            hevc(ispe(64, 48), hvcc(sps(64, 48)), content=b"\0\0\0\x09x"), BrokenImage, "unit of 9 bytes", id="a unit"
        ),
        pytest.param(hevc(ispe(64, 48), hvcc(sps(64, 48)), content=b"\0"), BrokenImage, "cut short", id="a length"),
    ],
)
def test_hevc_that_cannot_be_measured_is_refused(content: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        anatomy(content)


KEY_FRAME = av1_unit(6, bits((0, 1), (0, 2), (1, 1), (0, 1), (0, 1), (0, 1)))
OWN_SIZE = av1_unit(6, bits((0, 1), (0, 2), (1, 1), (0, 1), (0, 1), (1, 1)))
LONG_HEADER = av1_unit(
    1,
    bits(
        *((0, 3), (0, 1), (0, 1), (0, 1), (0, 1), (0, 5), (0, 12), (0, 5)),  # one operating point, of level 2.0
        *((15, 4), (15, 4), (63, 16), (47, 16), (0, 1), (0, 7), (0, 1), (1, 1), (1, 1)),
    ),
)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(av1_header(64, 48) + KEY_FRAME, id="of a still picture"),
        pytest.param(LONG_HEADER + KEY_FRAME, id="of a film"),
        pytest.param(av1_unit(2, b"") + av1_header(64, 48) * 2, id="repeated"),
        pytest.param(av1_header(64, 48) + b"\x30frame", id="a last unit of any length"),
    ],
)
def test_av1_is_of_the_size_in_its_sequence_header(content: bytes) -> None:
    assert anatomy(avif(content)).width == 64


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        pytest.param(av1_header(65, 48), BrokenImage, "64 × 48 pixels, but is coded as 65 × 48", id="wider"),
        pytest.param(av1_header(64, 47), BrokenImage, "coded as 64 × 47", id="lower"),
        pytest.param(av1_header(64, 48) + av1_header(640, 480), BrokenImage, "several sizes", id="two headers"),
        pytest.param(KEY_FRAME + av1_header(64, 48), BrokenImage, "before its sequence header", id="a late header"),
        pytest.param(b"\x12\0", BrokenImage, "lacks its sequence header", id="no header"),
        pytest.param(b"\x0a\x05\0", BrokenImage, "damaged unit", id="a unit cut short"),
        pytest.param(b"\x0a" + b"\x80" * 9, BrokenImage, "damaged unit", id="a length without end"),
        pytest.param(b"\x0a\1\0", BrokenImage, "is cut short", id="a header cut short"),
        pytest.param(b"\x12\0" * 200_001, BrokenImage, "250,000 steps", id="units without end"),
        pytest.param(LONG_HEADER + OWN_SIZE, UnsupportedFormat, "another size", id="a frame of its own size"),
    ],
)
def test_av1_that_does_not_agree_is_refused(content: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        anatomy(avif(content))


def test_a_picture_coded_as_too_many_pixels_is_refused() -> None:
    for content in (avif(av1_header(16_000, 16_000)), hevc(ispe(64, 48), hvcc(sps(16_000, 16_000)))):
        with pytest.raises(TooManyPixels):
            anatomy(content, Bounds(max_pixels=100_000_000))


def test_the_header_of_a_film_that_libaom_writes_is_read() -> None:
    content = animation("AVIF", 4)
    start = content.index(struct.pack(">HH", 40, 30), content.index(b"stsd"))

    with pytest.raises(BrokenImage, match="is shown as 40 × 30, not 41 × 30"):
        anatomy(content[:start] + struct.pack(">HH", 41, 30) + content[start + 4 :])


def test_what_is_told_twice_is_refused() -> None:
    size_again = coded(64, 48, ispe(64, 49))
    with pytest.raises(BrokenImage, match="the property 'ispe' twice"):
        anatomy(heif(size_again))
    two = heif(coded(), coded())
    for second, first in (
        (b"\0\2\2\x81\x82", b"\0\1\2\x81\x82"),
        (struct.pack(">HHHH", 2, 0, 0, 1), struct.pack(">HHHH", 1, 0, 0, 1)),
        (b"\0\2\0\0hvc1", b"\0\1\0\0hvc1"),
    ):
        assert two.count(second) == 1
        with pytest.raises(BrokenImage, match="the item 1 stands twice in the box"):
            anatomy(two.replace(second, first))


def test_references_of_a_picture_stand_together() -> None:
    item = HeifItem(b"grid", grid(1, 1, 64, 48), (ispe(64, 48),), {b"dimg": [2], b"dimX": [2]})
    content = heif(item, coded())

    assert anatomy(content).width == 64
    with pytest.raises(BrokenImage, match="the references 'dimg' twice"):
        anatomy(content.replace(b"dimX", b"dimg"))


@pytest.mark.parametrize("kind", [b"meta", b"moov"])
@pytest.mark.parametrize("between", [b"", b"\0\0\0\x09\0\1\2\3x"], ids=["at once", "after a box of no name"])
def test_a_second_of_a_box_that_decides_is_refused(kind: bytes, between: bytes) -> None:
    content = heif() + (box(b"moov") if kind == b"moov" else b"")

    with pytest.raises(BrokenImage, match=f"a second box '{kind.decode()}'"):
        anatomy(content + between + box(kind, bytes(4)))


def test_properties_that_the_file_does_not_have_are_refused() -> None:
    content = heif()
    at = content.index(b"ipma") + 4 + 4 + 4 + 2 + 1

    with pytest.raises(BrokenImage, match="properties that the file does not have"):
        anatomy(content[:at] + b"\xff" + content[at + 1 :])


def test_every_tile_must_be_in_the_file() -> None:
    whole = heif(grid_item(1, 2, 128, 48), *tiles(2))

    with pytest.raises(BrokenImage):
        anatomy(whole[:-1])


def test_transparency_must_be_in_the_file() -> None:
    content = heif(coded(), HeifItem(references={b"auxl": [1]}))
    assert anatomy(content).width == 64
    shorter = content.replace(box(b"mdat", b"")[4:], b"free")
    extent = struct.pack(">I", len(HeifItem().content))

    beyond = shorter[::-1].replace(extent[::-1], struct.pack("<I", 9999), 1)[::-1]

    with pytest.raises(BrokenImage, match="the item 2"):
        anatomy(beyond)


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(bytes(100), id="zeros"),
        pytest.param(b"\x00\x00SEFT\x01\x02 of a phone", id="what a phone writes"),
        pytest.param(box(b"mpvd", b"a film"), id="a box of a phone"),
        pytest.param(b"abc", id="less than a box"),
    ],
)
def test_what_follows_the_boxes_is_not_looked_at(behind: bytes) -> None:
    assert anatomy(heif() + behind) == anatomy(heif())


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(b"a text, which begins like a box of a gigabyte and more", id="a text"),
        pytest.param(box(b"ftyp", b"mp42", bytes(4)) + box(b"moov") + box(b"meta"), id="a film"),
    ],
)
def test_what_might_be_taken_for_a_part_of_the_picture_is_told(behind: bytes) -> None:
    found = anatomy(heif() + behind)

    assert found.upright_size == anatomy(heif()).upright_size
    assert f"the {len(behind):,} bytes behind the picture" in found.blocks.warnings[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(heif()[:30], "claims", id="cut off within the boxes"),
        pytest.param(heif()[:-1], "the item 1 .* needs bytes", id="cut off within the data"),
        pytest.param(box(b"ftyp", b"heic", bytes(4)) + b"\0\0\0\4meta", "claims 4 bytes", id="a box of 4 bytes"),
        pytest.param(heif() + box(b"free") * 1000, "more than 1,000 boxes", id="boxes without end"),
        pytest.param(heif() + box(b"moov", box(b"free") * 10_001), "more than 10,000 boxes", id="boxes in a box"),
        pytest.param(heif(*[HeifItem(content=b"x")] * 4001), "more than", id="items without end"),
    ],
)
def test_a_broken_structure_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(BrokenImage, match=words):
        anatomy(content)


def test_metadata_are_found() -> None:
    exif = Image.Exif()
    exif[271] = "Camera"
    content = still("AVIF", exif=exif, xmp=b"<x/>", icc_profile=makers.icc_profile())

    blocks = anatomy(content).blocks

    assert blocks.exif == exif.tobytes().removeprefix(b"Exif\0\0")
    assert blocks.xmp == (b"<x/>",)
    assert blocks.icc == makers.icc_profile()
    assert blocks.warnings == ()


@pytest.mark.parametrize(
    ("content", "warnings"),
    [
        pytest.param(b"\0\0\0\6Exif\0\0" + makers.exif(6), (), id="with the prefix of JPEG"),
        pytest.param(b"\0\0\0\0Exif\0\0" + makers.exif(6), ("the EXIF block is not where its item says",), id="wrong"),
    ],
)
def test_exif_is_found_by_its_offset(content: bytes, warnings: tuple[str, ...]) -> None:
    blocks = anatomy(heif(coded(), exif_item(content))).blocks

    assert blocks.exif == makers.exif(6)
    assert blocks.warnings == warnings


def test_a_profile_may_be_with_the_tiles_only() -> None:
    tile = coded(64, 48, colr(makers.icc_profile()))

    assert anatomy(heif(grid_item(1, 2, 128, 48), tile, tile)).blocks.icc == makers.icc_profile()


def test_metadata_of_other_pictures_and_other_types_are_left_out() -> None:
    other = HeifItem(b"Exif", bytes(4) + makers.exif(6), properties=(), references={b"cdsc": [2]})
    blocks = anatomy(heif(coded(), coded(), other, xmp_item(b"{}", b"application/json"))).blocks

    assert (blocks.exif, blocks.xmp) == (None, ())


def test_xmp_is_found() -> None:
    assert anatomy(heif(coded(), xmp_item(b"<x/>"))).blocks.xmp == (b"<x/>",)


def test_a_profile_by_name_is_no_profile() -> None:
    by_name = box(b"colr", b"nclx", bytes(7))

    assert anatomy(heif(coded(64, 48, by_name, colr(makers.icc_profile())))).blocks.icc == makers.icc_profile()


def test_metadata_outside_of_the_file_are_a_warning() -> None:
    content = heif(coded(), xmp_item(b"x" * 99)).replace(struct.pack(">I", 99), struct.pack(">I", 9999))

    blocks = anatomy(content).blocks

    assert blocks.xmp == ()
    assert "the item 2 ('mime') needs bytes" in blocks.warnings[0]


def test_a_sequence_is_counted() -> None:
    read = anatomy(animation("AVIF", 4))

    assert (read.format, read.width, read.height, read.frames) == (AVIF, 40, 30, 4)


def test_a_sequence_of_too_many_frames_is_refused() -> None:
    with pytest.raises(TooManyFrames) as refused:
        anatomy(animation("AVIF", 4), Bounds(max_frames=3))

    assert (refused.value.measured, refused.value.limit) == (4, 3)


FRAME = av1_header(64, 48)
FRAMES_START = 28


def track(
    frames: int = 3,
    *,
    handler: bytes = b"pict",
    codec: bytes = b"av01",
    size: int = len(FRAME),
    chunks: tuple[int, ...] = (FRAMES_START,),
    runs: tuple[tuple[int, int], ...] = ((1, 3),),
    shown: tuple[int, int] = (64, 48),
) -> bytes:
    """Of *frames* samples of *size* bytes, in *chunks* at these offsets; *runs* are (first chunk, samples in each)."""
    entry = box(codec, bytes(24), struct.pack(">HH", 64, 48), bytes(50), irot(1))
    tables = [
        full_box(b"stsd", struct.pack(">I", 1), entry),
        full_box(b"stsz", struct.pack(">II", size, frames)),
        full_box(b"stsc", struct.pack(">I", len(runs)), *(struct.pack(">III", *run, 1) for run in runs)),
        full_box(b"stco", struct.pack(f">I{len(chunks)}I", len(chunks), *chunks)),
    ]
    media = box(b"mdia", full_box(b"hdlr", bytes(4), handler, bytes(13)), box(b"minf", box(b"stbl", *tables)))
    return box(b"trak", full_box(b"tkhd", bytes(72), struct.pack(">HHHH", *shown[:1], 0, *shown[1:], 0)), media)


def film(*tracks: bytes, brand: bytes = b"avis", frames: bytes = FRAME * 7) -> bytes:
    return box(b"ftyp", brand, bytes(4), b"msf1") + box(b"mdat", frames) + box(b"moov", *tracks)


def test_a_sequence_needs_no_still_picture() -> None:
    read = anatomy(film(track(7, handler=b"auxv", runs=((1, 7),)), track(3)))

    assert (read.width, read.height, read.frames, read.orientation) == (64, 48, 3, 8)


@pytest.mark.parametrize("handler", [b"pict", b"auxv", b"vide"])
def test_every_frame_of_a_sequence_is_of_the_size_that_it_tells(handler: bytes) -> None:
    larger = FRAME * 2 + av1_header(640, 480) + FRAME

    beside = track(1, handler=handler, chunks=(FRAMES_START + 3 * len(FRAME),), runs=((1, 1),))

    with pytest.raises(BrokenImage, match="claims to be 64 × 48 pixels, but is coded as 640 × 480"):
        anatomy(film(track(), beside, frames=FRAME * 3 + av1_header(640, 480)))
    with pytest.raises(BrokenImage, match="the frame 2 is of several sizes"):
        anatomy(film(track(), track(handler=handler), frames=larger))


def test_a_sequence_is_shown_as_it_is_coded() -> None:
    """libavif scales to the size in the header of the track."""
    with pytest.raises(BrokenImage, match="is shown as 20,000 × 20,000, not 64 × 48"):
        anatomy(film(track(shown=(20_000, 20_000))))
    with pytest.raises(BrokenImage, match="lacks its header"):
        anatomy(film(track().replace(b"tkhd", b"free")))


def test_tracks_without_end_are_refused() -> None:
    with pytest.raises(BrokenImage, match="has 17 tracks"):
        anatomy(film(*[track()] * 17))


def test_a_heic_sequence_needs_one() -> None:
    with pytest.raises(UnsupportedFormat, match="no still picture"):
        anatomy(film(track(codec=b"hvc1"), brand=b"hevc"))


@pytest.mark.parametrize(
    ("tracks", "words"),
    [
        pytest.param([track(0)], "of 0 samples", id="no samples"),
        pytest.param([track(2**31)], "of 2,147,483,648 samples", id="samples without end"),
        pytest.param([track(4)], "only 3 of 4 frames", id="a sample in no chunk"),
        pytest.param([track(3, chunks=(10**6,))], "within the frames", id="a chunk outside"),
        pytest.param([track(3, size=10**6)], "within the frames", id="samples outside"),
        pytest.param([track(3, chunks=(0, 0), runs=((1, 1), (2, 1)))], "only 2 of 3", id="runs that are too short"),
        pytest.param([track(3, runs=())], "only 0 of 3 frames", id="no runs"),
        pytest.param([track(3, chunks=(0,) * 4)], "of 4 chunks", id="more chunks than samples"),
        pytest.param([track(3, runs=((1, 1),) * 2)], "of 2 runs", id="more runs than chunks"),
        pytest.param([track().replace(b"stsc", b"free")], "lacks a table", id="a table is missing"),
        pytest.param([track().replace(b"stsd", b"free")], "lacks a table", id="no description"),
    ],
)
def test_a_sequence_that_is_not_whole_is_refused(tracks: list[bytes], words: str) -> None:
    with pytest.raises(BrokenImage, match=words):
        anatomy(film(*tracks))


def test_a_film_beside_the_picture_that_is_no_sequence_is_not_counted() -> None:
    """Phones put one beside a still picture."""
    assert anatomy(heif() + box(b"moov", track(handler=b"vide", codec=b"hvc1"))).frames == 1
