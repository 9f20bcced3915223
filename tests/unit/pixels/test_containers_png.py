"""What is read of a PNG and of an animated one, and what is none."""

from __future__ import annotations

import struct
import zlib

import pytest

from tests import makers
from tests.makers import animation, png_chunk, png_with, still
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage, TooManyFrames, TooManyPixels
from vignette.jail.confinement import confined
from vignette.limits import MAX_INFLATED_BYTES
from vignette.pixels.anatomy import MetadataBlocks
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.containers.collector import MAX_TEXT_BYTES
from vignette.pixels.formats import APNG, PNG, PNG_SIGNATURE

DATA = png_chunk(b"IDAT", zlib.compress(bytes(1000)))
END = png_chunk(b"IEND")


def header(width: int = 4, height: int = 3, bits: int = 8, colour: int = 2, methods: bytes = b"\0\0\0") -> bytes:
    return png_chunk(b"IHDR", struct.pack(">IIBB", width, height, bits, colour) + methods)


def png(*chunks: bytes) -> bytes:
    return PNG_SIGNATURE + b"".join(chunks)


def blocks(*chunks: bytes) -> MetadataBlocks:
    return anatomy(png_with(*chunks)).blocks


def actl(frames: int) -> bytes:
    return png_chunk(b"acTL", struct.pack(">II", frames, 0))


def fctl(number: int, width: int = 4, height: int = 3, left: int = 0, top: int = 0) -> bytes:
    return png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, left, top, 1, 10, 0, 0))


def raw_profile(kind: bytes, content: bytes, length: int | None = None) -> bytes:
    """As ImageMagick writes it, in a text."""
    told = len(content) if length is None else length
    return b"Raw profile type %s\0\n%s\n%8d\n%s\n" % (kind, kind, told, content.hex().encode())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_size_is_that_of_the_header(mode: str) -> None:
    read = anatomy(still("PNG", 45, 31, mode))

    assert (read.format, read.width, read.height, read.frames) == (PNG, 45, 31, 1)


@pytest.mark.parametrize(
    ("bits", "colour"),
    [(bits, 0) for bits in (1, 2, 4, 8, 16)]
    + [(bits, 3) for bits in (1, 2, 4, 8)]
    + [(bits, colour) for bits in (8, 16) for colour in (2, 4, 6)],
)
def test_each_colour_type_has_its_bit_depths(bits: int, colour: int) -> None:
    palette = [png_chunk(b"PLTE", bytes(3))] if colour == 3 else []

    assert anatomy(png(header(bits=bits, colour=colour), *palette, DATA, END)).width == 4


@pytest.mark.parametrize(
    ("bits", "colour"), [(0, 2), (1, 2), (4, 2), (16, 3), (3, 0), (32, 0), (8, 1), (8, 5), (8, 7), (4, 6)]
)
def test_no_other_pair_of_them_is_a_png(bits: int, colour: int) -> None:
    with pytest.raises(BrokenImage, match=f"colour type {colour} with {bits} bits"):
        anatomy(png(header(bits=bits, colour=colour), DATA, END))


@pytest.mark.parametrize(
    ("chunks", "words"),
    [
        pytest.param([DATA, END], "begins with an IHDR", id="no header"),
        pytest.param([header(methods=b"\1\0\0"), DATA, END], "methods 1, 0, 0", id="an unknown compression"),
        pytest.param([header(methods=b"\0\0\2"), DATA, END], "methods 0, 0, 2", id="an unknown interlacing"),
        pytest.param([header(width=0), DATA, END], "0 × 3 pixels", id="no width"),
        pytest.param([header(width=2**31), DATA, END], "cannot be 2,147,483,648", id="a width over 31 bits"),
        pytest.param([header(), header(), DATA, END], "'IHDR' at byte 33 is critical", id="two headers"),
        pytest.param([header(), END], "no picture data", id="no data"),
        pytest.param([png_chunk(b"IHDR", bytes(12)), DATA, END], "of 13 bytes", id="a header cut short"),
        pytest.param([header(), png_chunk(b"IDAT", b"x\x9c")], "without the chunk 'IEND'", id="no end"),
        pytest.param([header(colour=3), DATA, END], "before the palette", id="no palette"),
        pytest.param([header(), png_chunk(b"PLTE", bytes(4)), DATA, END], "wrong length of 4", id="half a colour"),
        pytest.param([header(), png_chunk(b"PLTE", bytes(771)), DATA, END], "wrong length of 771", id="257 colours"),
        pytest.param(
            [header(), png_chunk(b"ABCD"), DATA, END], "'ABCD' at byte 33 is critical", id="unknown, critical"
        ),
        pytest.param([header(), DATA, png_chunk(b"tEXt"), DATA, END], "does not follow", id="data in two places"),
        pytest.param([header(), DATA[:-1] + b"x", END], "checksum is wrong", id="damaged data"),
        pytest.param([header()[:-1] + b"x", DATA, END], "checksum is wrong", id="a damaged header"),
        pytest.param([header(), b"\0\0\0\0\1\2\3\4", DATA, END], "no name of one", id="no chunk"),
        pytest.param([header(), b"\xff\xff\xff\xffIDAT"], "the file ends", id="a chunk over the end"),
    ],
)
def test_a_broken_structure_is_refused(chunks: list[bytes], words: str) -> None:
    with pytest.raises(BrokenImage, match=words):
        anatomy(png(*chunks))


def test_data_too_short_for_the_pixels_are_not_whole() -> None:
    with pytest.raises(BrokenImage, match="cannot inflate to the 300,000,000 of its pixels"):
        anatomy(png(header(10_000, 10_000), DATA, END))


def test_the_size_is_checked_before_the_rest() -> None:
    with pytest.raises(TooManyPixels) as refused:
        anatomy(png(header(10_000, 10_001)), Bounds(max_pixels=100_000_000))

    assert (refused.value.measured, refused.value.limit) == (100_010_000, 100_000_000)
    assert str(refused.value) == "100,010,000 pixels, the limit is 100,000,000"


def test_what_follows_the_end_is_not_looked_at() -> None:
    assert anatomy(still("PNG") + b"<?php anything") == anatomy(still("PNG"))


def test_an_animation_is_counted() -> None:
    read = anatomy(animation("PNG", 3))

    assert (read.format, read.width, read.height, read.frames) == (APNG, 40, 30, 3)


def test_an_animation_may_leave_out_the_still_picture() -> None:
    read = anatomy(png(header(), actl(1), DATA, fctl(0), png_chunk(b"fdAT", bytes(4) + DATA), END))

    assert (read.format, read.frames) == (APNG, 1)


def test_an_animation_of_too_many_frames_is_refused_when_it_says_so() -> None:
    with pytest.raises(TooManyFrames) as refused:
        anatomy(png(header(), actl(11)), Bounds(max_frames=10))

    assert (refused.value.measured, refused.value.limit) == (11, 10)


@pytest.mark.parametrize(
    ("chunks", "warning"),
    [
        pytest.param([actl(3), fctl(0), DATA], "1 of 3 frames", id="frames are missing"),
        pytest.param([actl(0), DATA], "0 of 0 frames", id="no frames"),
        pytest.param([DATA, actl(1), fctl(0)], "out of place", id="announced after the picture"),
        pytest.param([png_chunk(b"acTL", b"\0"), DATA], "out of place or damaged", id="cut short"),
    ],
)
def test_an_animation_that_is_not_sound_is_a_still_picture(chunks: list[bytes], warning: str) -> None:
    read = anatomy(png(header(), *chunks, END))

    assert (read.format, read.frames) == (PNG, 1)
    assert warning in read.blocks.warnings[0]


@pytest.mark.parametrize("frame", [fctl(0, left=1), fctl(0, width=5), fctl(0, height=0), png_chunk(b"fcTL", bytes(9))])
def test_a_frame_outside_of_the_picture_is_refused(frame: bytes) -> None:
    with pytest.raises(BrokenImage, match="'fcTL'"):
        anatomy(png(header(), actl(1), frame, DATA, END))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_that_of_exif(orientation: int) -> None:
    read = anatomy(png_with(png_chunk(b"eXIf", makers.exif(orientation, ">"))))

    assert read.orientation == orientation
    assert read.blocks.exif == makers.exif(orientation, ">")


def test_exif_may_stand_behind_the_picture_or_have_the_prefix_of_jpeg() -> None:
    content = still("PNG")
    behind = content[:-12] + png_chunk(b"eXIf", b"Exif\0\0" + makers.exif(6)) + END

    read = anatomy(behind)

    assert (read.orientation, read.blocks.exif) == (6, makers.exif(6))


def test_a_profile_is_inflated() -> None:
    profile = makers.icc_profile(1000)

    assert anatomy(still("PNG", icc_profile=profile)).blocks.icc == profile


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        pytest.param(png_chunk(b"tEXt", b"Title\0Caf\xe9"), ("Title", "Café"), id="tEXt: Latin-1"),
        pytest.param(
            png_chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"Caf\xe9")), ("Title", "Café"), id="zTXt: compressed"
        ),
        pytest.param(
            png_chunk(b"iTXt", b"Title\0\0\0fr\0Titre\0" + "Café".encode()), ("Title", "Café"), id="iTXt: UTF-8"
        ),
        pytest.param(
            png_chunk(b"iTXt", b"Title\0\1\0fr\0Titre\0" + zlib.compress("Café".encode())),
            ("Title", "Café"),
            id="iTXt: compressed",
        ),
    ],
)
def test_texts_are_read_in_their_encodings(chunk: bytes, expected: tuple[str, str]) -> None:
    assert blocks(chunk).text == (expected,)


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"),
        png_chunk(b"zTXt", b"XML:com.adobe.xmp\0\0" + zlib.compress(b"<x/>")),
        png_chunk(b"tEXt", raw_profile(b"xmp", b"<x/>")),
    ],
    ids=["iTXt", "zTXt", "raw profile"],
)
def test_xmp_is_taken_out_of_the_texts(chunk: bytes) -> None:
    assert blocks(chunk) == MetadataBlocks(xmp=(b"<x/>",))


@pytest.mark.parametrize("kind", [b"exif", b"APP1"])
def test_exif_in_a_text_counts_where_there_is_no_chunk_of_it(kind: bytes) -> None:
    old = png_chunk(b"zTXt", b"Raw profile type " + kind + b"\0\0" + zlib.compress(
        raw_profile(kind, b"Exif\0\0" + makers.exif(6)).partition(b"\0")[2]
    ))  # fmt: skip

    assert anatomy(png_with(old)).orientation == 6
    assert anatomy(png_with(old, png_chunk(b"eXIf", makers.exif(3)))).orientation == 3


@pytest.mark.parametrize("content", [b"\x1c\2\x78\0\1x", makers.photoshop(b"\x1c\2\x78\0\1x")], ids=["bare", "8BIM"])
def test_iptc_is_taken_out_of_a_text(content: bytes) -> None:
    assert blocks(png_chunk(b"tEXt", raw_profile(b"iptc", content))).iptc == b"\x1c\2\x78\0\1x"


@pytest.mark.parametrize(
    ("chunk", "warning"),
    [
        pytest.param(png_chunk(b"tEXt", b"Title\0x")[:-1] + b"?", "its checksum is wrong", id="a wrong checksum"),
        pytest.param(png_chunk(b"zTXt", b"Title\0\0no zlib"), "text 'Title' cannot be inflated", id="no zlib stream"),
        pytest.param(
            png_chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"Title" * 99)[:-5]), "text 'Title' is cut", id="cut short"
        ),
        pytest.param(png_chunk(b"iTXt", b"Title\0\0\0en"), "text 'Title' is damaged", id="no fields"),
        pytest.param(png_chunk(b"iTXt", b"Title"), "text 'Title' is damaged", id="no zero"),
        pytest.param(png_chunk(b"iCCP", b"name\0\0no zlib"), "ICC profile cannot be inflated", id="a damaged profile"),
        pytest.param(
            png_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 4\nnot hex"), "exif' is damaged", id="not hexadecimal"
        ),
        pytest.param(png_chunk(b"tEXt", b"Raw profile type exif\0"), "exif' is damaged", id="an empty raw profile"),
        pytest.param(
            png_chunk(b"tEXt", raw_profile(b"iptc", b"\x1cx", length=9)), "2 bytes long, not 9", id="a wrong length"
        ),
    ],
)
def test_damaged_metadata_are_a_warning(chunk: bytes, warning: str) -> None:
    read = anatomy(png_with(chunk))

    assert (read.width, read.height) == (40, 30)
    assert len(read.blocks.warnings) == 1
    assert warning in read.blocks.warnings[0]


def test_a_second_iptc_block_is_left_out_with_a_warning() -> None:
    read = blocks(*[png_chunk(b"tEXt", raw_profile(b"iptc", b"\x1c\2\x78\0\1x"))] * 2)

    assert read.iptc == b"\x1c\2\x78\0\1x"
    assert read.warnings == ("a second IPTC block of 6 bytes is left out",)


def test_a_profile_in_a_text_counts_where_there_is_no_chunk_of_it() -> None:
    old = png_chunk(b"tEXt", raw_profile(b"icc", makers.icc_profile(300)))
    chunk = png_chunk(b"iCCP", b"name\0\0" + zlib.compress(makers.icc_profile(200)))

    assert blocks(old).icc == makers.icc_profile(300)
    assert blocks(chunk, old).icc == makers.icc_profile(200)


def test_damage_in_a_bomb_does_not_make_it_cheaper() -> None:
    """What was inflated before the damage counts too."""
    damaged = b"Bomb\0\0" + zlib.compress(bytes(MAX_INFLATED_BYTES // 2))[:-4] + b"xxxx"
    small = png_chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"x"))

    assert blocks(png_chunk(b"zTXt", damaged), small).text == (("Title", "x"),)
    assert blocks(png_chunk(b"zTXt", damaged), png_chunk(b"zTXt", damaged), small, small).text == ()


def test_a_bomb_of_text_is_left_out_with_a_warning() -> None:
    bomb = png_chunk(b"zTXt", b"Bomb\0\0" + zlib.compress(bytes(MAX_INFLATED_BYTES + 1)))
    fine = png_chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"x"))

    read = blocks(fine, bomb, bomb, bomb)

    assert read.text == (("Title", "x"),)
    assert read.warnings == (f"text 'Bomb' is left out: a file's texts may inflate to {MAX_INFLATED_BYTES:,} bytes",)


BOMB = zlib.compress(bytes(16 * MAX_INFLATED_BYTES))


@pytest.mark.parametrize(
    ("chunk", "what"),
    [
        pytest.param(png_chunk(b"iCCP", b"Bomb\0\0" + BOMB), "ICC profile", id="profile"),
        pytest.param(
            png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + BOMB), "text 'XML:com.adobe.xmp'", id="XMP packet"
        ),
        pytest.param(png_chunk(b"iTXt", b"Bomb\0\1\0\0\0" + BOMB), "text 'Bomb'", id="international text"),
    ],
)
def test_a_bomb_of_anything_else_is_left_out_too(chunk: bytes, what: str) -> None:
    fine = png_chunk(b"tEXt", b"Title\0x")

    with confined(3 * MAX_INFLATED_BYTES, cpu_seconds=10):
        read = blocks(chunk, chunk, fine)

    assert (read.icc, read.xmp, read.text) == (None, (), (("Title", "x"),))
    assert read.warnings == (f"{what} is left out: a file's texts may inflate to {MAX_INFLATED_BYTES:,} bytes",)


def test_texts_together_may_not_inflate_to_more_than_one() -> None:
    half = zlib.compress(bytes(MAX_INFLATED_BYTES // 2))

    read = blocks(*(png_chunk(b"zTXt", b"XML:com.adobe.xmp\0\0" + half) for _ in range(4)))

    assert [len(packet) for packet in read.xmp] == [MAX_INFLATED_BYTES // 2] * 2


def test_texts_together_are_cut_before_they_are_decoded() -> None:
    part = MAX_TEXT_BYTES // 4

    read = blocks(*(png_chunk(b"tEXt", b"k\0" + b"\xe9" * part) for _ in range(5)))

    assert [len(text) for _, text in read.text] == [part] * 3 + [part - 4]
    (warning,) = read.warnings
    assert warning.startswith(f"{part + 5:,} bytes of texts are left out")


def test_only_so_many_texts_are_kept() -> None:
    read = blocks(*(png_chunk(b"tEXt", b"Text %d\0x" % number) for number in range(1001)))

    assert len(read.text) == 1000
    assert read.warnings == ("only the first 1,000 texts are read",)


def test_chunks_without_end_are_refused() -> None:
    with pytest.raises(BrokenImage, match="more than 100,000 chunks"):
        anatomy(png_with(png_chunk(b"tEXt") * 100_000))
