"""What one engine cannot, the other tries, also if the first finds out in the middle of the pixels."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from tests.makers import encoded, jpeg_segment, jpeg_with, tiff, tiff_page
from tests.unit.pixels.engines.scenes import decibels, decoded, scene
from vignette.pixels import engines
from vignette.pixels.engines import decode, libvips, pillow
from vignette.pixels.inspection import read_anatomy

TARGET = (96, 72)
EXPECTED = scene().resize(TARGET, Image.Resampling.LANCZOS)


def zstandard() -> bytes:
    return encoded(scene(), "TIFF", compression="zstd")


def with_tag_of_unknown_type() -> bytes:
    """A TIFF with a private tag whose type is 0."""
    width, height = scene().size
    tags = {258: [8, 8, 8], 262: [2], 277: [3], 279: [3 * width * height], 40_000: [7]}
    content = bytearray(tiff(tiff_page(width, height, tags), data=scene().tobytes()))
    at = content.rindex(struct.pack("<HHI", 40_000, 4, 1))
    struct.pack_into("<H", content, at + 2, 0)
    return bytes(content)


@pytest.mark.parametrize("make", [zstandard, with_tag_of_unknown_type])
def test_a_tiff_that_libvips_cannot_read_pillow_does(make: object) -> None:
    content = make()  # type: ignore[operator]
    with pytest.raises(OSError):  # noqa: PT011 (its words are those of libtiff)
        decoded(libvips, content, TARGET)

    assert decibels(decoded(engines, content, TARGET), EXPECTED) >= 40


@pytest.mark.parametrize(
    "segment", [jpeg_segment(0xE0, b"JFIF\0"), jpeg_segment(0xEE, b"Adobe\0")], ids=["JFIF", "Adobe"]
)
def test_a_jpeg_that_pillow_cannot_open_libvips_does(segment: bytes) -> None:
    content = jpeg_with(segment, content=encoded(scene(), "JPEG", quality=95, subsampling="4:4:4"))
    with pytest.raises((struct.error, SyntaxError)):
        decoded(pillow, content, TARGET)

    assert decibels(decoded(engines, content, TARGET), EXPECTED) >= 40


def test_an_avif_that_pillow_cannot_open_libvips_does() -> None:
    """Its EXIF is no TIFF stream."""
    exif = Image.Exif()
    exif[0x0131] = "a program"
    content = bytearray(encoded(scene(), "AVIF", quality=95, subsampling="4:4:4", exif=exif))
    at = content.index(exif.tobytes().removeprefix(b"Exif\0\0")[:8])
    content[at : at + 4] = b"none"
    with pytest.raises(Exception, match="Exif"):
        decoded(pillow, bytes(content), TARGET)

    assert decibels(decoded(engines, bytes(content), TARGET), EXPECTED) >= 40


@pytest.mark.parametrize("target", [TARGET, scene().size], ids=["shrunk", "whole"])
@pytest.mark.parametrize("make", [zstandard, lambda: encoded(scene(), "TIFF", compression="tiff_lzw")])
def test_of_a_tiff_with_damaged_pixels_nobody_makes_a_picture(make: object, target: tuple[int, int]) -> None:
    content = bytearray(make())  # type: ignore[operator]
    middle = len(content) // 2
    content[middle : middle + 400] = b"\xa5" * 400

    with pytest.raises((OSError, SyntaxError, ValueError)):
        decoded(engines, bytes(content), target)


@pytest.mark.parametrize("kind", ["JPEG", "AVIF", "TIFF", "PNG", "WEBP"])
def test_of_half_a_file_nobody_makes_a_picture(kind: str) -> None:
    content = encoded(scene(), kind)
    anatomy = read_anatomy(io.BytesIO(content), len(content))

    with pytest.raises((OSError, SyntaxError, ValueError)):
        decode(io.BytesIO(content[: len(content) // 2]), anatomy, TARGET)
