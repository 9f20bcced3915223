"""What is read of a GIF, and what is none."""

from __future__ import annotations

import struct

import pytest

from tests import makers
from tests.makers import animation, still
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage, TooManyFrames, TooManyPixels
from vignette.pixels.containers.bounds import Bounds

TRAILER = b";"
XMP_TRAILER = b"\1" + bytes(range(255, -1, -1)) + b"\0"


def screen(width: int = 4, height: int = 3, flags: int = 0) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, flags, 0, 0)


def sub_blocks(content: bytes, length: int = 255) -> bytes:
    pieces = [content[at : at + length] for at in range(0, len(content), length)]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def frame(width: int = 4, height: int = 3, left: int = 0, top: int = 0, data: bytes | None = None) -> bytes:
    """A frame of the first colour; *data* replace its codes."""
    codes = black(min(width * height, 1000)) if data is None else data
    return b"," + struct.pack("<HHHHBB", left, top, width, height, 0, 8) + sub_blocks(codes)


def black(pixels: int) -> bytes:
    """Codes of 9 bits, from the lowest bit on: 256 clears the table before it takes longer ones; 257 is the end."""
    codes = [code for _ in range(pixels) for code in (256, 0)] + [257]
    number = sum(code << 9 * index for index, code in enumerate(codes))
    return number.to_bytes((9 * len(codes) + 7) // 8, "little")


def comment(text: bytes) -> bytes:
    return b"!\xfe" + sub_blocks(text)


def application(name: bytes, content: bytes) -> bytes:
    return b"!\xff" + bytes([len(name)]) + name + content


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_size_is_that_of_the_screen(mode: str) -> None:
    read = anatomy(still("GIF", 45, 31, mode))

    assert (read.width, read.height, read.frames, read.orientation) == (45, 31, 1, 1)


def test_an_animation_is_counted() -> None:
    assert anatomy(animation("GIF", 5)).frames == 5


def test_counting_stops_over_the_limit() -> None:
    with pytest.raises(TooManyFrames) as refused:
        anatomy(screen() + frame() * 4 + b"damaged, but never reached", Bounds(max_frames=3))

    assert (refused.value.measured, refused.value.limit) == (4, 3)
    assert str(refused.value) == "4 frames or more, the limit is 3"


@pytest.mark.parametrize(
    ("content", "size"),
    [
        pytest.param(screen(0, 0) + frame(5, 6), (5, 6), id="a screen of no size"),
        pytest.param(screen(4, 3) + frame(5, 6, left=1), (6, 6), id="a first frame over the screen"),
        pytest.param(screen(9, 9) + frame(5, 6), (9, 9), id="a first frame within the screen"),
        pytest.param(screen(4, 3) + frame() + frame(9, 9), (4, 3), id="a later frame over the screen"),
    ],
)
def test_the_screen_holds_the_first_frame(content: bytes, size: tuple[int, int]) -> None:
    read = anatomy(content + TRAILER)

    assert (read.width, read.height) == size


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(screen(2000, 1000), id="the screen"),
        pytest.param(screen(4, 3) + frame(2000, 1000), id="the first frame"),
        pytest.param(screen(4, 3) + frame() + frame(10, 10, left=65_535, top=65_535), id="a later frame"),
    ],
)
def test_a_screen_or_a_frame_of_too_many_pixels_is_refused(content: bytes) -> None:
    with pytest.raises(TooManyPixels):
        anatomy(content, Bounds(max_pixels=1_000_000))


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(TRAILER, id="the trailer"),
        pytest.param(b"", id="nothing: the frame is whole"),
        pytest.param(TRAILER + b"<?php anything", id="the trailer, and what others put behind"),
        pytest.param(b"\0\0" + TRAILER, id="a second terminator"),
        pytest.param(b"garbage", id="no block"),
    ],
)
def test_a_whole_frame_is_a_picture_whatever_follows(behind: bytes) -> None:
    assert anatomy(screen() + frame() + behind).frames == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(screen()[:10], "within the logical screen", id="a screen cut off"),
        pytest.param(screen() + TRAILER, "without a frame", id="no frame"),
        pytest.param(screen() + comment(b"hello"), "without a frame", id="only a comment"),
        pytest.param(screen() + b"x", "0x78 begins none", id="no block"),
        pytest.param(screen(flags=0x87) + bytes(767), "within a palette", id="a palette cut off"),
        pytest.param(screen() + frame(data=b"pixels")[:-1], "within the frame at byte 13", id="no terminator"),
        pytest.param(
            screen() + frame(data=b"pixels")[:-3], "within the frame at byte 13", id="a frame cut off in its data"
        ),
        pytest.param(screen() + frame(data=b""), "has no data", id="a frame without data"),
        pytest.param(screen() + frame(0, 3), "is 0 × 3 pixels", id="a frame of no width"),
        pytest.param(screen() + frame(data=b"pixels").replace(b"\x08\6", b"\x0c\6"), "code size of 12", id="no LZW"),
    ],
)
def test_a_broken_structure_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(BrokenImage, match=words):
        anatomy(content)


def test_comments_are_read() -> None:
    long = b"x" * 300
    read = anatomy(screen() + comment("Café".encode()) + frame() + comment(long) + TRAILER)

    assert read.blocks.text == (("Comment", "Café"), ("Comment", long.decode()))


def test_xmp_is_read_without_its_trailer() -> None:
    packet = b"<x>" + b"y" * 500 + b"</x>"
    read = anatomy(screen() + application(b"XMP DataXMP", packet + XMP_TRAILER) + frame() + TRAILER)

    assert read.blocks.xmp == (packet,)
    assert read.frames == 1


def test_xmp_in_sub_blocks_is_read_too() -> None:
    read = anatomy(screen() + application(b"XMP DataXMP", sub_blocks(b"<x/>" * 100)) + frame() + TRAILER)

    assert read.blocks.xmp == (b"<x/>" * 100,)


def test_a_profile_is_read() -> None:
    profile = makers.icc_profile(600)
    read = anatomy(screen() + application(b"ICCRGBG1012", sub_blocks(profile)) + frame() + TRAILER)

    assert read.blocks.icc == profile


@pytest.mark.parametrize(
    "extension",
    [
        pytest.param(application(b"NETSCAPE2.0", sub_blocks(b"\1\0\0")), id="how often to repeat"),
        pytest.param(application(b"short", sub_blocks(b"x")), id="a name that is too short"),
        pytest.param(b"!\xff\0", id="an application without a name"),
        pytest.param(b"!\1" + sub_blocks(b"plain text"), id="plain text"),
    ],
)
def test_other_extensions_are_skipped(extension: bytes) -> None:
    read = anatomy(screen() + extension + frame() + TRAILER)

    assert read == anatomy(screen() + frame() + TRAILER)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(frame(data=b"x" * 2_000_001)[:11] + b"\1x" * 2_000_001, "sub-blocks", id="tiny sub-blocks"),
        pytest.param(b"!\xfe\0" * 100_001, "extensions", id="empty comments"),
        pytest.param(frame() + bytes(100_001), "extensions", id="terminators"),
    ],
)
def test_blocks_without_end_are_refused(content: bytes, words: str) -> None:
    with pytest.raises(BrokenImage, match=rf"more than [0-9,]* {words}"):
        anatomy(screen() + content + TRAILER)
