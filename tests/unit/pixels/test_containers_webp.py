"""What is read of a WebP, and what is none."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from tests import makers
from tests.makers import animation, encoded, picture, riff_chunk, still, vp8x, webp
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage, TooManyFrames, TooManyPixels
from vignette.pixels.containers.bounds import Bounds

ANIMATED = 0x02


def lossless(width: int, height: int, data: bytes = b"pixels", version: int = 0) -> bytes:
    packed = width - 1 | height - 1 << 14 | version << 29
    return riff_chunk(b"VP8L", struct.pack("<BI", 0x2F, packed) + data)


def lossy(width: int, height: int, partition: int = 4, data: bytes = b"pixels") -> bytes:
    tag = (partition << 5).to_bytes(3, "little")
    return riff_chunk(b"VP8 ", tag + b"\x9d\x01\x2a" + struct.pack("<HH", width, height) + data)


def frame(width: int = 4, height: int = 3, *, left: int = 0, picture: bytes | None = None) -> bytes:
    """*left* in units of two pixels, as in the file."""
    numbers = (left, 0, width - 1, height - 1, 100)
    header = b"".join(number.to_bytes(3, "little") for number in numbers) + b"\0"
    return riff_chunk(b"ANMF", header + (lossless(width, height) if picture is None else picture))


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        pytest.param("RGB", {}, id="lossy"),
        pytest.param("RGB", {"lossless": True}, id="lossless"),
        pytest.param("RGBA", {}, id="with transparency"),
        pytest.param("RGB", {"xmp": b"<x/>"}, id="extended"),
    ],
)
def test_size_is_that_of_the_picture(mode: str, options: dict[str, object]) -> None:
    read = anatomy(still("WEBP", 45, 31, mode, **options))

    assert (read.width, read.height, read.frames, read.orientation) == (45, 31, 1, 1)


@pytest.mark.parametrize("size", [(1, 1), (16383, 1), (1, 16383), (16383, 2)])
def test_sizes_at_the_borders(size: tuple[int, int]) -> None:
    for content in (webp(lossy(*size)), webp(lossless(*size)), webp(vp8x(*size), lossless(*size))):
        read = anatomy(content)

        assert (read.width, read.height) == size


@pytest.mark.parametrize(
    ("mode", "options", "apart"),
    [
        pytest.param("RGB", {}, False, id="lossy and opaque"),
        pytest.param("RGBA", {}, True, id="lossy"),
        pytest.param("RGBA", {"lossless": True}, False, id="lossless"),
    ],
)
def test_transparency_is_apart_from_lossy_colours(mode: str, options: dict[str, object], apart: bool) -> None:
    content = encoded(Image.new(mode, (40, 30)), "WEBP", **options)

    assert anatomy(content).has_alpha_apart is apart


@pytest.mark.parametrize(
    ("mode", "options", "held_bytes", "apart"),
    [
        pytest.param("RGB", {}, 0, False, id="lossy and opaque"),
        pytest.param("RGBA", {}, 40 * 30, True, id="lossy"),
        pytest.param("RGBA", {"lossless": True}, 4 * 40 * 30, False, id="lossless"),
    ],
)
def test_the_still_of_an_animation_takes_what_its_first_frame_takes(
    mode: str, options: dict[str, object], held_bytes: int, apart: bool
) -> None:
    first, second = (picture(mode=mode, shift=shift) for shift in (0, 40))
    if mode == "RGBA":
        first.putalpha(128)
    read = anatomy(encoded(first, "WEBP", save_all=True, append_images=[second], **options))

    assert (read.held_bytes, read.has_alpha_apart) == (held_bytes, apart)


def test_an_animation_is_counted() -> None:
    read = anatomy(animation("WEBP", 4))

    assert (read.width, read.height, read.frames) == (40, 30, 4)


def test_counting_stops_over_the_limit() -> None:
    with pytest.raises(TooManyFrames) as refused:
        anatomy(webp(vp8x(4, 3, ANIMATED), frame() * 4, b"damaged, but never reached"), Bounds(max_frames=3))

    assert (refused.value.measured, refused.value.limit) == (4, 3)


def test_the_size_is_checked_before_the_rest() -> None:
    with pytest.raises(TooManyPixels) as refused:
        anatomy(webp(vp8x(16_000, 16_000)), Bounds(max_pixels=100_000_000))

    assert str(refused.value) == "256 megapixels, the limit is 100"


def test_metadata_are_read() -> None:
    content = still("WEBP", exif=b"Exif\0\0" + makers.exif(6), xmp=b"<x/>", icc_profile=makers.icc_profile())

    read = anatomy(content)

    assert read.orientation == 6
    assert read.blocks.exif == makers.exif(6)
    assert read.blocks.xmp == (b"<x/>",)
    assert read.blocks.icc == makers.icc_profile()
    assert read.blocks.warnings == ()


def test_what_follows_the_riff_chunk_is_not_looked_at() -> None:
    assert anatomy(still("WEBP") + b"<?php anything") == anatomy(still("WEBP"))


def test_unknown_chunks_are_skipped() -> None:
    read = anatomy(webp(vp8x(4, 3), riff_chunk(b"odd ", b"x"), lossless(4, 3), riff_chunk(b"ABCD", b"")))

    assert (read.width, read.height) == (4, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(webp(), "holds no chunk", id="nothing"),
        pytest.param(webp(riff_chunk(b"EXIF", b"")), "begins with VP8, VP8L or VP8X", id="another chunk first"),
        pytest.param(webp(lossy(4, 3))[:-1], "within the RIFF chunk", id="cut off"),
        pytest.param(webp(riff_chunk(b"VP8 ", b"")), "is 0 bytes long", id="an empty picture"),
        pytest.param(webp(lossy(4, 3, partition=100)), "first partition has 100 bytes", id="lossy, data are missing"),
        pytest.param(webp(lossy(4, 3).replace(b"\x9d\1", b"\0\0")), "key frame", id="no start code"),
        pytest.param(webp(lossy(0, 3)), "0 × 3 pixels", id="no width"),
        pytest.param(webp(lossless(4, 3, version=1)), "version 0", id="a later version"),
        pytest.param(webp(lossless(4, 3, data=b"")), "is 5 bytes long", id="lossless, no data"),
        pytest.param(webp(vp8x(4, 3)), "holds no picture", id="a canvas without a picture"),
        pytest.param(webp(vp8x(4, 3)[:-2]), "over the end", id="a canvas cut short"),
        pytest.param(webp(vp8x(4, 3), lossless(5, 3)), "size of the canvas", id="a picture of another size"),
        pytest.param(webp(vp8x(4, 3), lossless(4, 3) * 2), "a second picture", id="two pictures"),
        pytest.param(webp(vp8x(4, 3, ANIMATED), lossless(4, 3)), "holds no picture", id="an animation of no frames"),
        pytest.param(webp(vp8x(4, 3, ANIMATED), frame(5, 3)), "not lie within", id="a frame over the canvas"),
        pytest.param(webp(vp8x(4, 3, ANIMATED), frame(left=1)), "not lie within", id="a frame moved over the edge"),
        pytest.param(webp(vp8x(4, 3, ANIMATED), frame(picture=b"")), "not hold one picture", id="an empty frame"),
        pytest.param(
            webp(vp8x(4, 3, ANIMATED), frame(picture=lossless(4, 2))),
            "not hold one picture",
            id="a frame of other size",
        ),
        pytest.param(
            webp(vp8x(4, 3, ANIMATED), frame(picture=lossless(4, 3)[:-3])), "over the end", id="a frame cut short"
        ),
    ],
)
def test_a_broken_structure_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(BrokenImage, match=words):
        anatomy(content)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(webp(vp8x(4, 3), riff_chunk(b"ABCD", b"") * 100_000), id="in the file"),
        pytest.param(webp(vp8x(4, 3, ANIMATED), frame(picture=riff_chunk(b"ABCD", b"") * 101)), id="in a frame"),
    ],
)
def test_chunks_without_end_are_refused(content: bytes) -> None:
    with pytest.raises(BrokenImage, match=r"more than [0-9,]* chunks"):
        anatomy(content)
