"""What is read of a TIFF, and what is none."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping

import pytest
from PIL import Image

from tests import makers
from tests.makers import TiffTags, animation, still, tiff, tiff_page
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage, TooManyFrames, TooManyPixels, UnsupportedFormat
from vignette.limits import MAX_METADATA_BYTES
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.decoder_file import mended_file
from vignette.pixels.inspection import read_anatomy

PIXELS = bytes(range(12))
"""Of the page that `tiff_page` describes: 4 × 3, grey, at byte 8."""

SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS, STRIP_BYTES, PLANAR = 273, 274, 277, 278, 279, 284
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325
PREDICTOR, PALETTE, SAMPLE_FORMAT, JPEG_TABLES = 317, 320, 339, 347
SUB_DIRECTORIES, EXIF, GPS, DNG_VERSION = 330, 34665, 34853, 50706
XMP, IPTC, PHOTOSHOP, ICC = 700, 33723, 34377, 34675
NEW_JPEG, LZW, OLD_JPEG, LZMA = 7, 5, 6, 34925

TILED: TiffTags = {STRIP_OFFSETS: [], STRIP_BYTES: [], TILE_OFFSETS: [8]}
"""Instead of the strip; the size of the tiles is missing."""


def page(tags: TiffTags | None = None, data: bytes = PIXELS, order: str = "<") -> bytes:
    """A TIFF of one page, with *tags* changed."""
    return tiff(tiff_page(tags=tags), data=data, order=order)


def tags_of(exif: bytes | None) -> Mapping[int, object]:
    """What Pillow reads in IFD0 of the stream."""
    parsed = Image.Exif()
    parsed.load(exif)
    return dict(parsed)


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        pytest.param("RGB", {}, id="uncompressed"),
        pytest.param("1", {"compression": "group4"}, id="fax, group 4"),
        pytest.param("L", {"compression": "tiff_lzw"}, id="LZW"),
        pytest.param("RGB", {"compression": "tiff_adobe_deflate"}, id="Deflate"),
        pytest.param("RGB", {"compression": "jpeg"}, id="JPEG"),
        pytest.param("CMYK", {"compression": "packbits"}, id="PackBits"),
        pytest.param("RGBA", {"compression": "zstd"}, id="Zstandard"),
        pytest.param("P", {}, id="palette"),
        pytest.param("I;16", {}, id="16 bits"),
        pytest.param("F", {}, id="floating point"),
        pytest.param("LAB", {}, id="CIE L*a*b*"),
    ],
)
def test_size_is_that_of_the_first_page(mode: str, options: dict[str, object]) -> None:
    image = makers.picture(45, 31) if mode != "LAB" else Image.new("LAB", (45, 31))
    read = anatomy(makers.encoded(image.convert(mode), "TIFF", **options))

    assert (read.width, read.height, read.frames, read.orientation) == (45, 31, 1, 1)
    assert read.blocks.warnings == ()


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_are_read(order: str) -> None:
    read = anatomy(page({ORIENTATION: [6]}, order=order))

    assert (read.width, read.height, read.orientation, read.upright_size) == (4, 3, 6, (3, 4))


@pytest.mark.parametrize("compression", [None, "tiff_lzw"], ids=["uncompressed", "LZW"])
def test_pages_are_counted(compression: str | None) -> None:
    assert anatomy(animation("TIFF", 3, compression=compression)).frames == 3


def test_counting_stops_over_the_limit() -> None:
    with pytest.raises(TooManyFrames) as refused:
        anatomy(tiff(*[tiff_page()] * 4, data=PIXELS, link=999_999), Bounds(max_frames=3))

    assert (refused.value.measured, refused.value.limit) == (4, 3)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({SUBFILE_TYPE: [1]}, id="a smaller copy"),
        pytest.param({SUBFILE_TYPE: [4]}, id="a mask"),
        pytest.param({WIDTH: []}, id="a thumbnail without a size"),
    ],
)
def test_what_belongs_to_a_page_is_no_page(other: TiffTags) -> None:
    assert anatomy(tiff(tiff_page(), tiff_page(tags=other), data=PIXELS)).frames == 1


@pytest.mark.parametrize(
    ("tags", "error", "words"),
    [
        pytest.param(
            {COMPRESSION: [OLD_JPEG]}, UnsupportedFormat, r"compression 6 \(the JPEG of 1992\)", id="the JPEG of 1992"
        ),
        pytest.param({COMPRESSION: [LZMA]}, UnsupportedFormat, r"compression 34925 \(LZMA\)", id="LZMA"),
        pytest.param(
            {COMPRESSION: [1234]}, UnsupportedFormat, r"compression 1234 \(which has no name", id="a private one"
        ),
        pytest.param({PHOTOMETRIC: [32803]}, UnsupportedFormat, "interpretation 32803", id="sensor data"),
        pytest.param({SAMPLES: [17]}, UnsupportedFormat, "17 samples", id="too many samples"),
        pytest.param({BITS: [64]}, UnsupportedFormat, "64-bit grey", id="too many bits"),
        pytest.param({DNG_VERSION: [1]}, UnsupportedFormat, "camera raw", id="DNG"),
        pytest.param({SUBFILE_TYPE: [1], SUB_DIRECTORIES: [8]}, UnsupportedFormat, "camera raw", id="NEF"),
        pytest.param({WIDTH: []}, BrokenImage, "lacks the tag 256", id="no width"),
        pytest.param({WIDTH: [0]}, BrokenImage, "0 × 3 pixels", id="a width of 0"),
        pytest.param({WIDTH: [9999]}, BrokenImage, "within the page", id="wider than its strip"),
        pytest.param({BITS: [0]}, BrokenImage, "of 0 bits", id="no bits"),
        pytest.param({SAMPLES: [0]}, BrokenImage, "0 samples", id="no samples"),
        pytest.param({ROWS: [0]}, BrokenImage, "0 rows per strip", id="no rows"),
        pytest.param({ROWS: [1]}, BrokenImage, "3 strips or tiles, but not as many values of tag 273", id="few strips"),
        pytest.param({STRIP_OFFSETS: []}, BrokenImage, "values of tag 273", id="no strips"),
        pytest.param({STRIP_OFFSETS: [0]}, BrokenImage, "lacks a part", id="a strip nowhere"),
        pytest.param({STRIP_OFFSETS: [9999]}, BrokenImage, "within the page", id="a strip outside"),
        pytest.param(
            {COMPRESSION: [LZW], STRIP_BYTES: [], STRIP_OFFSETS: [9999]}, BrokenImage, "lacks a part", id="no lengths"
        ),
        pytest.param(
            {COMPRESSION: [LZW], STRIP_BYTES: [0], STRIP_OFFSETS: [0]}, BrokenImage, "lacks a part", id="0 bytes at 0"
        ),
        pytest.param({COMPRESSION: [LZW], STRIP_BYTES: [9999]}, BrokenImage, "within the page", id="a strip too long"),
        pytest.param(
            {**TILED, TILE_WIDTH: [0], TILE_HEIGHT: [16]}, BrokenImage, "0 × 16 pixels", id="a tile of no width"
        ),
        pytest.param({**TILED, TILE_WIDTH: [16]}, BrokenImage, "lacks the tag 323", id="a tile of unknown height"),
        pytest.param({**TILED, TILE_WIDTH: [2], TILE_HEIGHT: [2]}, BrokenImage, "4 strips", id="few tiles"),
    ],
)
def test_a_page_that_no_decoder_takes_is_refused(tags: TiffTags, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        anatomy(page(tags))


def test_uncompressed_strips_are_as_long_as_their_pixels() -> None:
    """Old writers leave the lengths out, or write wrong ones."""
    for lengths in ([], [1], [10**6]):
        assert anatomy(page({STRIP_BYTES: lengths})).width == 4


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param({ROWS: [1], STRIP_OFFSETS: [8, 12, 16]}, id="strips of a row"),
        pytest.param({ROWS: [2], STRIP_OFFSETS: [8, 16]}, id="a last strip of fewer rows"),
        pytest.param({ROWS: [2**32 - 1]}, id="one strip of any height"),
        pytest.param(
            {SAMPLES: [3], PHOTOMETRIC: [2], PLANAR: [2], STRIP_OFFSETS: [8, 8, 8]}, id="a plane for each sample"
        ),
        pytest.param({**TILED, TILE_WIDTH: [2], TILE_HEIGHT: [2], TILE_OFFSETS: [8, 8, 8, 16]}, id="tiles"),
    ],
)
def test_every_part_of_the_picture_must_be_there(tags: TiffTags) -> None:
    """The pixels lie at the end here: any byte less, and the last part is cut off."""
    directory_bytes = len(page(tags, data=b"")) - 8
    shifted = {
        tag: [offset + directory_bytes for offset in values] if tag in (STRIP_OFFSETS, TILE_OFFSETS) else values
        for tag, values in tiff_page(tags=tags).items()
    }
    whole = tiff(shifted) + PIXELS

    assert anatomy(whole).width == 4
    with pytest.raises(BrokenImage, match="within the page"):
        anatomy(whole[:-1])


@pytest.mark.parametrize("tag", [WIDTH, HEIGHT, BITS, COMPRESSION, SAMPLES, STRIP_OFFSETS, ROWS, PREDICTOR])
def test_of_a_tag_that_decides_the_layout_the_first_counts(tag: int) -> None:
    """Of two, some readers take the other one. So the decoder gets a file with the first one only."""
    content = page({tag: [3 if tag == ROWS else 1], 65_000: [9]})
    twice = content.replace(struct.pack("<HH", 65_000, 4), struct.pack("<HH", tag, 4))
    found = anatomy(twice)
    mended, size = mended_file(io.BytesIO(twice), len(twice), found)
    again = read_anatomy(mended, size)

    assert f"has the tag {tag} twice; the first one counts" in found.blocks.warnings[0]
    assert (again.width, again.height, again.bits_per_pixel) == (found.width, found.height, found.bits_per_pixel)
    assert (again.mended, again.blocks.warnings) == (None, ())


def test_other_tags_may_stand_twice() -> None:
    content = page({305: [1], 65_000: [9]})

    assert anatomy(content.replace(struct.pack("<HH", 65_000, 4), struct.pack("<HH", 305, 4))).width == 4


@pytest.mark.parametrize(
    "tag", [WIDTH, HEIGHT, COMPRESSION, PHOTOMETRIC, SAMPLES, ROWS, PLANAR, TILE_WIDTH, TILE_HEIGHT]
)
def test_a_tag_of_one_value_has_one_or_several_that_are_alike(tag: int) -> None:
    with pytest.raises(BrokenImage, match=f"has 2 values of the tag {tag}, instead of one"):
        anatomy(page({tag: [1, 2]}))
    with pytest.raises(BrokenImage, match=f"has 99 values of the tag {tag}, instead of one"):
        anatomy(page({tag: [1] * 99}))


@pytest.mark.parametrize("tiles", [{TILE_OFFSETS: [8]}, {TILE_WIDTH: [2], TILE_HEIGHT: [2]}], ids=["offsets", "size"])
def test_a_page_is_in_strips_or_in_tiles(tiles: TiffTags) -> None:
    with pytest.raises(BrokenImage, match="in strips and in tiles"):
        anatomy(page({STRIP_OFFSETS: [8], **tiles}))


@pytest.mark.parametrize("tags", [{WIDTH: [4, 5]}, {STRIP_OFFSETS: [9999]}, {COMPRESSION: [LZMA]}], ids=str)
def test_pages_before_a_damaged_one_are_counted(tags: TiffTags) -> None:
    found = anatomy(tiff(tiff_page(), tiff_page(), tiff_page(tags=tags), tiff_page(), data=PIXELS))

    assert found.frames == 2
    assert "only the pages before a damaged one are counted" in found.blocks.warnings[0]


def test_more_strips_than_the_picture_has_are_left_out() -> None:
    """Pillow would decode each of them."""
    content = page({STRIP_OFFSETS: [8, 8]})
    found = anatomy(content)
    mended, size = mended_file(io.BytesIO(content), len(content), found)

    assert "has 2 values of tag 273 for 1 strips or tiles" in found.blocks.warnings[0]
    assert read_anatomy(mended, size).mended is None


def test_far_more_strips_than_the_picture_has_are_refused() -> None:
    with pytest.raises(BrokenImage, match="10,001 strips or tiles, but 10,002 values of tag 273"):
        anatomy(page({WIDTH: [1], HEIGHT: [10_001], ROWS: [1], STRIP_OFFSETS: [8] * 10_002}))


@pytest.mark.parametrize("tag", [PALETTE, JPEG_TABLES, BITS, SAMPLE_FORMAT])
def test_what_a_decoder_needs_must_be_there(tag: int) -> None:
    """The value lies at the end here."""
    whole = page({tag: (b"\1" if tag == SAMPLE_FORMAT else b"\x08") * 100})

    assert anatomy(whole).width == 4
    with pytest.raises(BrokenImage, match=f"within tag {tag} of the page"):
        anatomy(whole[:-1])


def test_the_size_is_checked_before_the_strips() -> None:
    with pytest.raises(TooManyPixels):
        anatomy(page({WIDTH: [20_000], HEIGHT: [20_000], STRIP_OFFSETS: []}), Bounds(max_pixels=100_000_000))


def test_a_tile_of_too_many_pixels_is_refused() -> None:
    tags = {**TILED, TILE_WIDTH: [2**20], TILE_HEIGHT: [2**20], TILE_BYTES: [12]}

    with pytest.raises(TooManyPixels):
        anatomy(page(tags), Bounds(max_pixels=100_000_000))


@pytest.mark.parametrize("link", [20, None], ids=["to itself", "to the first"])
def test_pages_in_a_circle_are_counted_once(link: int | None) -> None:
    pages = [tiff_page()] if link else [tiff_page()] * 3
    found = anatomy(tiff(*pages, data=PIXELS, link=20))

    assert found.frames == len(pages)
    assert "in a circle, to byte 20" in found.blocks.warnings[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"II*\0\0\0\0\0", "lies within the header", id="no directory"),
        pytest.param(b"II*\0\x63\0\0\0", "within the directory at byte 99", id="a directory outside"),
        pytest.param(b"II*\0\x08\0\0\0\0\0", "has 0 entries", id="an empty directory"),
        pytest.param(b"II*\0\x08\0\0\0\xff\xff", "has 65,535 entries", id="a directory of too many entries"),
        pytest.param(b"II*\0\x08\0\0\0\5\0" + bytes(50), "within the directory at byte 8", id="a directory cut off"),
        pytest.param(b"II*\0\x08", "within the TIFF header", id="a header cut off"),
    ],
)
def test_a_broken_directory_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(BrokenImage, match=words):
        anatomy(content)


def test_a_size_that_is_no_number_is_refused() -> None:
    content = bytearray(page())
    at = content.index(struct.pack("<HHI", WIDTH, 4, 1))
    content[at + 2] = 2  # ASCII

    with pytest.raises(BrokenImage, match="tag 256 are of type 2"):
        anatomy(bytes(content))


def test_strips_without_end_are_refused() -> None:
    """Every page may point at the same long table."""
    table = [8] * 50_000
    first = tiff_page(1, 50_000, {ROWS: [1], STRIP_OFFSETS: table})
    content = bytearray(tiff(first, data=PIXELS))
    directory = content[20 : 20 + 2 + 12 * len(first)]
    for _ in range(40):
        struct.pack_into("<I", content, _last_link(content), len(content))
        content += directory + bytes(4)

    with pytest.raises(BrokenImage, match="more than 2,000,000 strips"):
        anatomy(bytes(content))


def test_entries_without_end_are_refused() -> None:
    small_copy = tiff_page(tags={SUBFILE_TYPE: [1], **{tag: [1] for tag in range(40_000, 40_900)}})

    with pytest.raises(BrokenImage, match="more than 250,000 steps"):
        anatomy(tiff(tiff_page(), *[small_copy] * 1_100, data=PIXELS))


def test_directories_without_end_are_refused() -> None:
    with pytest.raises(BrokenImage, match="more than 20,000 directories"):
        anatomy(tiff(*[tiff_page(tags={SUBFILE_TYPE: [1]})] * 20_001, data=PIXELS))


def _last_link(content: bytearray) -> int:
    at = 4
    while (offset := struct.unpack_from("<I", content, at)[0]) != 0:
        at = offset + 2 + 12 * struct.unpack_from("<H", content, offset)[0]
    return at


def test_metadata_are_found() -> None:
    iptc = b"\x1c\2\x78\0\1x"
    blocks = anatomy(page({XMP: b"<x/>!", ICC: makers.icc_profile(), IPTC: iptc})).blocks

    assert blocks.xmp == (b"<x/>!",)
    assert blocks.icc == makers.icc_profile()
    assert blocks.iptc == iptc
    assert blocks.warnings == ()


def test_iptc_in_photoshop_resources_counts_where_there_is_no_other() -> None:
    resources = makers.photoshop(b"\x1c\2\x78\0\1a")

    assert anatomy(page({PHOTOSHOP: resources})).blocks.iptc == b"\x1c\2\x78\0\1a"
    assert anatomy(page({PHOTOSHOP: resources, IPTC: b"\x1c\2\x78\0\1b"})).blocks.iptc == b"\x1c\2\x78\0\1b"


def test_a_long_photoshop_block_costs_no_profile() -> None:
    long = makers.photoshop_resource(0x0425, bytes(MAX_METADATA_BYTES - 500))

    assert anatomy(page({PHOTOSHOP: long, ICC: makers.icc_profile(1000)})).blocks.icc == makers.icc_profile(1000)


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_is_a_copy_of_the_directories_without_the_pictures(order: str) -> None:
    large = bytes(range(256)) * 4000
    content = page({ORIENTATION: [6], 305: b"a long name of the software", XMP: b"<x/>!"}, PIXELS + large, order)

    blocks = anatomy(content).blocks

    assert blocks.exif is not None
    assert len(blocks.exif) < 500
    tags = tags_of(blocks.exif)
    assert tags[WIDTH] == 4
    assert tags[ORIENTATION] == 6
    assert bytes(tags[305]) == b"a long name of the software"  # type: ignore[call-overload]
    assert XMP not in tags


def test_exif_and_gps_of_a_camera_are_in_the_copy() -> None:
    exif = struct.pack("<HHHIII", 1, 34855, 4, 1, 400, 0)
    gps = struct.pack("<HHHI2s2xI", 1, 1, 2, 2, b"N", 0)
    content = page({EXIF: [20], GPS: [20 + len(exif)]}, PIXELS + exif + gps)

    copy = Image.Exif()
    copy.load(anatomy(content).blocks.exif)

    assert copy.get_ifd(EXIF) == {34855: 400}
    assert copy.get_ifd(GPS) == {1: "N"}


def test_all_pages_are_in_the_copy() -> None:
    content = animation("TIFF", 3)

    with Image.open(io.BytesIO(content)) as image, Image.open(io.BytesIO(_as_file(content))) as copy:
        assert (image.n_frames, copy.n_frames) == (3, 3)


def _as_file(content: bytes) -> bytes:
    exif = anatomy(content).blocks.exif
    assert exif is not None
    return exif


@pytest.mark.parametrize(
    ("tags", "warning"),
    [
        pytest.param({305: b"x" * 300_000}, "tag 305 of 300,000 bytes is left out", id="a long value"),
        pytest.param({EXIF: [9999]}, "within the directory at byte 9,999", id="EXIF outside of the file"),
        pytest.param({GPS: [2]}, "lies within the header", id="GPS in the header"),
        pytest.param({EXIF: b"\1\2\3\4\5"}, "lies within the header", id="EXIF at odd places"),
    ],
)
def test_damaged_metadata_are_a_warning(tags: TiffTags, warning: str) -> None:
    read = anatomy(page(tags))

    assert read.width == 4
    assert warning in " ".join(read.blocks.warnings)


def test_a_value_outside_of_the_file_is_a_warning() -> None:
    content = bytearray(page({305: b"a long name of the software", XMP: b"<x>" * 9}))
    for tag in (305, XMP):
        at = next(at for at in range(22, len(content), 12) if struct.unpack_from("<H", content, at)[0] == tag)
        struct.pack_into("<I", content, at + 8, 10**6)

    blocks = anatomy(bytes(content)).blocks

    assert blocks.xmp == ()
    assert blocks.warnings == (
        "tag 305 of 27 bytes at byte 1,000,000 is cut short",
        "XMP packet of 27 bytes at byte 1,000,000 is cut short",
    )


def test_only_so_many_directories_are_copied() -> None:
    blocks = anatomy(tiff(*[tiff_page(tags={SUBFILE_TYPE: [1]})] * 1_002, data=PIXELS)).blocks

    assert "metadata of only the first 1,000 directories are read" in blocks.warnings


def test_only_so_many_entries_are_copied() -> None:
    many = tiff_page(tags={tag: [1] for tag in range(40_000, 40_900)})

    blocks = anatomy(tiff(*[many] * 40, data=PIXELS)).blocks

    assert "metadata of only the first 32,000 tags are read" in blocks.warnings


def test_a_pointer_that_is_no_number_is_a_warning() -> None:
    content = bytearray(page({EXIF: [20]}))
    at = content.index(struct.pack("<HHI", EXIF, 4, 1))
    content[at + 2] = 2  # ASCII

    assert anatomy(bytes(content)).blocks.warnings == ("the values of tag 34665 are of type 2, not numbers",)


def test_directories_that_point_at_each_other_are_copied_once() -> None:
    content = page({EXIF: [20], SUB_DIRECTORIES: [20, 20]})

    tags = tags_of(anatomy(content).blocks.exif)

    assert tags[WIDTH] == 4
    assert EXIF not in tags


def test_the_whole_of_a_tiff_by_pillow_is_checked() -> None:
    """An uncompressed picture of Pillow's has its pixels last."""
    whole = still("TIFF")

    with pytest.raises(BrokenImage, match="within the page"):
        anatomy(whole[:-1])
