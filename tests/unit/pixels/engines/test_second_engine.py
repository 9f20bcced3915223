"""What one engine cannot, the other tries, also if the first finds out in the middle of the pixels."""

from __future__ import annotations

import io
import struct
from types import ModuleType

import pytest
from PIL import Image

from tests.makers import encoded, jpeg_segment, jpeg_with, tiff, tiff_page
from tests.unit.pixels.engines.scenes import decibels, decoded, scene
from vignette.pixels import engines
from vignette.pixels.engines import decode, libvips, pillow
from vignette.pixels.inspection import read_anatomy

TARGET = (96, 72)


def raw(engine: ModuleType, content: bytes) -> Image.Image:
    """The picture of the file as it is. `decoder_file` leaves out most of what decoders stumble on."""
    file = io.BytesIO(content)
    image = engine.decode(file, read_anatomy(file, len(content)), TARGET)
    assert isinstance(image, Image.Image)
    return image


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
        raw(libvips, content)

    assert decibels(raw(engines, content), EXPECTED) >= 40


@pytest.mark.parametrize(
    "segment", [jpeg_segment(0xE0, b"JFIF\0"), jpeg_segment(0xEE, b"Adobe\0")], ids=["JFIF", "Adobe"]
)
def test_a_jpeg_that_pillow_cannot_open_libvips_does(segment: bytes) -> None:
    content = jpeg_with(segment, content=encoded(scene(), "JPEG", quality=95, subsampling="4:4:4"))
    with pytest.raises((struct.error, SyntaxError)):
        raw(pillow, content)

    assert decibels(raw(engines, content), EXPECTED) >= 40


def test_an_avif_that_pillow_cannot_open_libvips_does() -> None:
    """Its EXIF is no TIFF stream."""
    exif = Image.Exif()
    exif[0x0131] = "a program"
    content = bytearray(encoded(scene(), "AVIF", quality=95, subsampling="4:4:4", exif=exif))
    at = content.index(exif.tobytes().removeprefix(b"Exif\0\0")[:8])
    content[at : at + 4] = b"none"
    with pytest.raises(Exception, match="Exif"):
        raw(pillow, bytes(content))

    assert decibels(raw(engines, bytes(content)), EXPECTED) >= 40


@pytest.mark.parametrize("target", [TARGET, scene().size], ids=["shrunk", "whole"])
@pytest.mark.parametrize("make", [zstandard, lambda: encoded(scene(), "TIFF", compression="tiff_lzw")])
def test_of_a_tiff_with_damaged_pixels_nobody_makes_a_picture(make: object, target: tuple[int, int]) -> None:
    content = bytearray(make())  # type: ignore[operator]
    middle = len(content) // 2
    content[middle : middle + 400] = b"\xa5" * 400

    with pytest.raises((OSError, SyntaxError, ValueError)):
        decoded(engines, bytes(content), target)


def tiled(compression: str, kind: str) -> bytes:
    """A TIFF in tiles of 64 pixels."""
    image = libvips.library().Image.new_from_memory(scene().tobytes(), *scene().size, 3, "uchar")
    if kind == "ushort":
        image = (image * 257).cast(kind).copy(interpretation="rgb16")
    content = image.tiffsave_buffer(compression=compression, tile=True, tile_width=64, tile_height=64)
    assert isinstance(content, bytes)
    return content


@pytest.mark.parametrize("target", [TARGET, scene().size], ids=["shrunk", "whole"])
@pytest.mark.parametrize("kind", ["uchar", "ushort"])
@pytest.mark.parametrize("compression", ["deflate", "lzw"])
def test_of_a_tiff_with_a_damaged_tile_nobody_makes_a_picture(
    compression: str, kind: str, target: tuple[int, int]
) -> None:
    sound = tiled(compression, kind)
    content = bytearray(sound)
    middle = len(content) // 2
    content[middle : middle + 400] = b"\xa5" * 400

    with pytest.raises((OSError, SyntaxError, ValueError)):
        decoded(engines, bytes(content), target)
    assert decibels(decoded(engines, sound, TARGET), EXPECTED) >= 30  # what was damaged before spoils nothing


def test_a_tiff_in_tiles_of_zstandard_is_shown() -> None:
    image = Image.effect_noise((64, 48), 40).convert("RGB")
    with Image.open(io.BytesIO(encoded(image, "TIFF", compression="zstd"))) as strip:
        (at,), (length,) = strip.tag_v2[273], strip.tag_v2[279]  # type: ignore[attr-defined]
        strip.fp.seek(at)  # type: ignore[attr-defined]
        data = strip.fp.read(length)  # type: ignore[attr-defined]
    tags = {258: [8, 8, 8], 259: [50_000], 262: [2], 277: [3], 273: [], 278: [], 279: []}
    in_tiles = {322: [64], 323: [48], 324: [8], 325: [len(data)]}

    picture = decoded(engines, tiff(tiff_page(64, 48, tags | in_tiles), data=data), image.size)

    assert picture.tobytes() == image.tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "AVIF", "TIFF", "PNG", "WEBP"])
def test_of_half_a_file_nobody_makes_a_picture(kind: str) -> None:
    content = encoded(scene(), kind)
    anatomy = read_anatomy(io.BytesIO(content), len(content))

    with pytest.raises((OSError, SyntaxError, ValueError)):
        decode(io.BytesIO(content[: len(content) // 2]), anatomy, TARGET)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "F", "1"])
def test_zstandard_goes_with_all_usual_samples(mode: str) -> None:
    grey = scene().convert("L")
    match mode:
        case "I;16":
            image = grey.convert("I").point(lambda value: value * 257).convert("I;16")
        case "F":
            image = grey.convert("F").point(lambda value: value * (1 / 255) + 0)
        case _:
            image = scene().convert(mode)
    expected = scene().convert("1").convert("L") if mode == "1" else grey if mode in ("L", "I;16", "F") else scene()

    content = encoded(image, "TIFF", compression="zstd")

    assert decibels(decoded(engines, content), expected) >= 40


def webp_strip(mode: str) -> bytes:
    """A TIFF of one strip in WebP, as GDAL and libtiff write it."""
    image = scene().convert(mode)
    coded = encoded(image, "WEBP", lossless=True, exact=True)
    samples = len(image.getbands())
    tags = {258: [8] * samples, 259: [50001], 262: [2], 277: [samples], 279: [len(coded)]}
    return tiff(tiff_page(*image.size, tags | ({338: [2]} if mode == "RGBA" else {})), data=coded)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_tiff_in_webp_is_shown(mode: str) -> None:
    assert decibels(decoded(engines, webp_strip(mode)), scene()) >= 40


def test_a_tiff_in_webp_with_damaged_pixels_is_not_shown() -> None:
    content = bytearray(webp_strip("RGB"))
    middle = len(content) // 2
    content[middle : middle + 400] = b"\xa5" * 400

    with pytest.raises((OSError, SyntaxError, ValueError)):
        decoded(engines, bytes(content), TARGET)
