"""Colours come out as the file means them, whatever its samples and its profile."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from types import ModuleType

import pytest
from PIL import Image, ImageChops

from tests.makers import TiffTags, encoded, jpeg_segment, jpeg_with, png_chunk, tiff, tiff_page
from tests.profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    SRGB,
    SWAPPED,
    Matrix,
    cmyk_profile,
    grey_profile,
    in_srgb,
    lab_in_srgb,
    rgb_profile,
    srgb_value,
)
from tests.unit.pixels.engines.scenes import decibels, decoded, scene, seen_through
from vignette.pixels import engines
from vignette.pixels.engines import libvips, pillow
from vignette.pixels.formats import PNG_SIGNATURE

COLOUR = (200, 60, 40)
DEEP = tuple(257 * value for value in COLOUR)
"""The same in 16 bits a sample."""
PLAIN = Image.new("RGB", (40, 30), COLOUR)

PRIMARIES = {"sRGB": SRGB, "Display P3": DISPLAY_P3, "Adobe RGB": ADOBE_RGB, "swapped channels": SWAPPED}
INKS = [(60.0, 50.0, 0.0), (55.0, 0.0, 40.0), (60.0, -30.0, -20.0), (20.0, 0.0, 0.0)]


def colour_of(content: bytes, size: tuple[int, int] | None = None) -> tuple[int, ...]:
    """In the middle of the picture, as red, green and blue."""
    picture = decoded(engines, content, size).convert("RGB")
    pixel = picture.getpixel((picture.width // 2, picture.height // 2))
    assert isinstance(pixel, tuple)
    return pixel


def near(*expected: int, by: int = 2) -> object:
    return pytest.approx(expected, abs=by)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("primaries", PRIMARIES.values(), ids=PRIMARIES)
def test_the_colours_of_an_rgb_profile(primaries: Matrix, file_format: str) -> None:
    options = {"lossless": True} if file_format == "WEBP" else {}
    if file_format in ("JPEG", "AVIF"):
        options = {"quality": 100, "subsampling": "4:4:4"}
    content = encoded(PLAIN, file_format, icc_profile=rgb_profile(primaries), **options)

    assert colour_of(content) == near(*in_srgb(COLOUR, primaries), by=4)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF"])
def test_a_grey_profile_is_a_tone_curve(file_format: str) -> None:
    content = encoded(Image.new("L", (40, 30), 128), file_format, icc_profile=grey_profile(1.0))

    picture = decoded(engines, content)

    assert picture.mode == "L"
    assert picture.getpixel((9, 9)) == pytest.approx(srgb_value(128 / 255), abs=2)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("profile", [cmyk_profile(INKS), grey_profile(1.0)], ids=["CMYK", "grey"])
def test_a_profile_of_another_colour_model_is_passed_over(profile: bytes, file_format: str) -> None:
    content = encoded(Image.new("RGB", (40, 30), (128, 128, 128)), file_format, icc_profile=profile)

    assert colour_of(content) == near(128, 128, 128)


@pytest.mark.parametrize("gamma", [0.4, 1.0, 1.8])
@pytest.mark.parametrize("alpha", [(), (255,)], ids=["grey", "grey with alpha"])
@pytest.mark.parametrize("value", [1, 2, 3, 5, 9, 20, 100])
def test_a_grey_profile_holds_for_dark_tones_too(value: int, alpha: tuple[int, ...], gamma: float) -> None:
    expected = [srgb_value((value / 255) ** gamma)] * 3
    mode, colour_type = ("LA", 4) if alpha else ("L", 0)
    shallow = encoded(Image.new(mode, (40, 30), (value, *alpha)), "PNG", icc_profile=grey_profile(gamma))
    deep = png_of(colour_type, [257 * sample for sample in (value, *alpha)], grey_profile(gamma))

    assert colour_of(shallow) == near(*expected)
    assert colour_of(deep) == near(*expected)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "AVIF"])
def test_grey_may_have_a_profile_of_red_green_and_blue(file_format: str) -> None:
    profile = rgb_profile(SRGB, gamma=1.0)

    content = encoded(Image.new("L", (40, 30), 128), file_format, icc_profile=profile)

    assert colour_of(content) == near(188, 188, 188)


class TestCmyk:
    """The profile here makes cyan ink pink, so that passing it over shows."""

    CYAN = Image.new("CMYK", (40, 30), (255, 0, 0, 0))

    @pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
    def test_with_a_profile_the_inks_are_what_it_says(self, file_format: str) -> None:
        content = encoded(self.CYAN, file_format, icc_profile=cmyk_profile(INKS))

        assert colour_of(content) == near(*lab_in_srgb(*INKS[0]), by=4)

    @pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
    def test_without_one_they_are_those_of_a_browser(self, file_format: str) -> None:
        assert colour_of(encoded(self.CYAN, file_format)) == near(0, 255, 255, by=4)

    @pytest.mark.parametrize("profile", [None, cmyk_profile(INKS)], ids=["without a profile", "with one"])
    def test_adobes_ycck_is_understood(self, profile: bytes | None) -> None:
        content = ycck(self.CYAN, icc_profile=profile)

        expected = (0, 255, 255) if profile is None else lab_in_srgb(*INKS[0])
        assert colour_of(content) == near(*expected, by=6)

    def test_it_is_understood_at_a_smaller_scale_too(self) -> None:
        assert colour_of(ycck(self.CYAN.resize((400, 300))), (40, 30)) == near(0, 255, 255, by=6)


def ycck(image: Image.Image, **options: object) -> bytes:
    """
    A JPEG as Photoshop writes *image*: the inks cyan, magenta and yellow as if they were red, green and blue, in YCbCr;
    black inverted; and a segment that says so.
    """
    *inks, black = image.split()
    samples = [ImageChops.invert(band) for band in Image.merge("RGB", inks).convert("YCbCr").split()]
    # Pillow inverts what it writes, and says that it is not transformed.
    content = bytearray(encoded(Image.merge("CMYK", (*samples, black)), "JPEG", quality=100, subsampling=0, **options))
    transform = content.index(b"Adobe") + 11
    assert content[transform] == 0
    content[transform] = 2
    return bytes(content)


class TestSixteenBits:
    @pytest.mark.parametrize("size", [(40, 30), (20, 15)], ids=["as it is", "shrunk"])
    def test_of_red_green_and_blue(self, size: tuple[int, int]) -> None:
        for content in (png_of(2, DEEP), tiff_of(2, DEEP)):
            assert colour_of(content, size) == near(*COLOUR, by=1)

    @pytest.mark.parametrize("size", [(40, 30), (20, 15)], ids=["as it is", "shrunk"])
    def test_with_transparency(self, size: tuple[int, int]) -> None:
        for content in (png_of(6, (*DEEP, 32_896)), tiff_of(2, (*DEEP, 32_896), {338: [2]})):
            pixel = decoded(engines, content, size).getpixel((9, 7))
            assert pixel == near(*COLOUR, 128, by=1)

    @pytest.mark.parametrize("size", [(40, 30), (20, 15)], ids=["as it is", "shrunk"])
    def test_of_grey(self, size: tuple[int, int]) -> None:
        for content in (png_of(0, (32_896,)), tiff_of(1, (32_896,)), png_of(4, (32_896, 65_535))):
            assert colour_of(content, size) == near(128, 128, 128, by=1)

    def test_a_profile_has_all_of_them(self) -> None:
        """In light that is not bent to the eye, 8 bits have nothing between black and the first grey, 13."""
        content = png_of(2, (100, 100, 100), icc=rgb_profile(SRGB, gamma=1.0))

        assert colour_of(content) == near(*[srgb_value(100 / 65535)] * 3, by=1)

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            pytest.param(lambda: png_of(2, DEEP, rgb_profile(SWAPPED)), in_srgb(COLOUR, SWAPPED), id="RGB"),
            pytest.param(
                lambda: png_of(6, (*DEEP, 65_535), rgb_profile(SWAPPED)),
                in_srgb(COLOUR, SWAPPED),
                id="RGBA",
            ),
            pytest.param(lambda: png_of(0, (32_896,), grey_profile(1.0)), (188, 188, 188), id="grey"),
            pytest.param(lambda: png_of(0, (32_896,), rgb_profile(SRGB, 1.0)), (188, 188, 188), id="RGB's of grey"),
            pytest.param(lambda: png_of(0, (32_896,), cmyk_profile(INKS)), (128, 128, 128), id="not its model"),
            pytest.param(lambda: png_of(0, (32_896,), b"\xff" * 300), (128, 128, 128), id="damaged"),
        ],
    )
    def test_their_profile_counts(self, content: Callable[[], bytes], expected: tuple[int, ...]) -> None:
        assert colour_of(content()) == near(*expected)

    def test_of_cmyk(self) -> None:
        assert colour_of(tiff_of(5, (65_535, 0, 0, 0))) == near(0, 255, 255)


def png_of(colour_type: int, pixel: Sequence[int], icc: bytes | None = None) -> bytes:
    """40 × 30 of one *pixel*, of 16 bits a sample."""
    header = struct.pack(">IIBBBBB", 40, 30, 16, colour_type, 0, 0, 0)
    row = b"\0" + struct.pack(f">{len(pixel)}H", *pixel) * 40
    profile = [] if icc is None else [png_chunk(b"iCCP", b"a test\0\0" + zlib.compress(icc))]
    chunks = [png_chunk(b"IHDR", header), *profile, png_chunk(b"IDAT", zlib.compress(row * 30)), png_chunk(b"IEND")]
    return PNG_SIGNATURE + b"".join(chunks)


def tiff_of(photometric: int, pixel: Sequence[int], tags: TiffTags | None = None, bits: int = 16) -> bytes:
    """40 × 30 of one *pixel*, uncompressed."""
    data = struct.pack(f"<{len(pixel)}{'H' if bits == 16 else 'B'}", *pixel) * 1200
    page = {
        258: [bits] * len(pixel),
        262: [photometric],
        277: [len(pixel)],
        279: [len(data)],
        **(tags or {}),
    }
    return tiff(tiff_page(40, 30, page), data=data)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("lab", [(60, 50, 40), (60, -50, -20), (53, 0, 0)], ids=["red", "blue", "grey"])
def test_lab_is_of_the_illuminant_d50(lab: tuple[int, int, int], bits: int) -> None:
    lightness, a, b = lab
    if bits == 8:
        pixel = [round(lightness * 2.55), a % 256, b % 256]
    else:
        pixel = [round(lightness * 655.35), a * 256 % 65536, b * 256 % 65536]

    content = tiff_of(8, pixel, bits=bits)

    assert colour_of(content) == near(*lab_in_srgb(*lab), by=3)
    assert colour_of(content, (20, 15)) == near(*lab_in_srgb(*lab), by=3)


def test_a_selection_beside_the_colours_is_no_transparency() -> None:
    """Photoshop keeps selections in a TIFF as samples of no said use; what is not selected is there all the same."""
    for tags in ({338: [0]}, {338: [0, 0]}):
        beside = (0,) * len(tags[338])
        assert decoded(engines, tiff_of(2, (*COLOUR, *beside), tags, bits=8)).mode == "RGB"
        assert colour_of(tiff_of(2, (*COLOUR, *beside), tags, bits=8), (20, 15)) == COLOUR


@pytest.mark.parametrize("size", [(40, 30), (20, 15)], ids=["as it is", "shrunk"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("engine", [pillow, libvips], ids=["pillow", "libvips"])
def test_colours_that_a_tiff_holds_weighed_are_not_weighed_again(
    engine: ModuleType, bits: int, size: tuple[int, int]
) -> None:
    """Of an associated alpha (ExtraSamples 1) they are stored as they look on black: half of them here."""
    stored = [64, 32, 16, 128]
    pixel = stored if bits == 8 else [sample * 257 for sample in stored]

    image = decoded(engine, tiff_of(2, pixel, {338: [1]}, bits=bits), size)

    assert image.getpixel((9, 7)) == near(128, 64, 32, 128, by=2)


class TestOneBit:
    @pytest.mark.parametrize("file_format", ["PNG", "TIFF", "BMP"])
    def test_it_is_black_or_white(self, file_format: str) -> None:
        for bit in (0, 255):
            assert colour_of(encoded(Image.new("1", (40, 30), bit), file_format), (20, 15)) == (bit, bit, bit)

    @pytest.mark.parametrize("file_format", ["PNG", "TIFF", "BMP"])
    def test_it_becomes_grey_where_it_is_shrunk(self, file_format: str) -> None:
        stripes = Image.new("1", (40, 30))
        stripes.paste(1, (0, 0, 40, 15))
        checks = stripes.resize((40, 30)).transpose(Image.Transpose.ROTATE_90).resize((40, 30))

        assert colour_of(encoded(checks, file_format), (1, 1)) == near(128, 128, 128, by=16)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "BMP", "GIF"])
def test_a_palette_is_resampled_by_its_colours(file_format: str) -> None:
    content = encoded(scene().quantize(64), file_format)

    expected = scene().quantize(64).convert("RGB").resize((96, 72), Image.Resampling.LANCZOS)
    assert decibels(decoded(engines, content, (96, 72)), expected) >= 40


def test_what_is_transparent_weighs_nothing_before_a_profile_either() -> None:
    content = encoded(seen_through(), "PNG", icc_profile=rgb_profile(DISPLAY_P3))

    shrunk = decoded(engines, content, (96, 72))

    whole = decoded(engines, content).convert("RGBa").resize((96, 72), Image.Resampling.LANCZOS).convert("RGBA")
    assert decibels(shrunk, whole) >= 40


def test_a_gain_map_behind_a_jpeg_changes_nothing() -> None:
    """
    Phones put a second JPEG behind the first, which says how bright a screen may show it. Their XMP and their MPF tell
    where it is.
    """
    sdr = encoded(scene(), "JPEG", quality=90)
    gain_map = encoded(scene(101, 76).convert("L"), "JPEG")
    xmp = (
        b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/></rdf:RDF></x:xmpmeta>'
    )
    # CIPA DC-007: version, two pictures, and where each is.
    entries = struct.pack(">IIIHH", 0x030000, len(sdr), 0, 0, 0) + struct.pack(">IIIHH", 0, len(gain_map), 0, 0, 0)
    index = struct.pack(">HHI4s", 0xB000, 7, 4, b"0100") + struct.pack(">HHII", 0xB001, 4, 1, 2)
    index += struct.pack(">HHII", 0xB002, 7, len(entries), 50)
    mpf = b"MPF\0MM\0*" + struct.pack(">IH", 8, 3) + index + bytes(4) + entries

    content = jpeg_with(jpeg_segment(0xE1, xmp), jpeg_segment(0xE2, mpf), content=sdr) + gain_map

    for size in ((96, 72), (403, 302)):
        assert decoded(engines, content, size).tobytes() == decoded(engines, sdr, size).tobytes()
