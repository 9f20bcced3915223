"""What an engine promises, of each engine, for each format that both read."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from types import ModuleType

import pytest
from PIL import Image

from tests.house import broken_pixels
from tests.makers import encoded
from tests.profiles import ADOBE_RGB, SWAPPED, in_srgb, rgb_profile
from tests.unit.pixels.engines.scenes import cut_out, decibels, decoded, scene, seen_through, stored
from vignette.errors import RenderingFailed
from vignette.pixels.engines import decode, libvips, pillow
from vignette.pixels.engines.variety import UnknownVariety
from vignette.pixels.inspection import read_anatomy

FORMATS = {
    "PNG": {},
    "WEBP": {"lossless": True, "method": 0},
    "TIFF": {"compression": "tiff_adobe_deflate"},
}


def written(image: Image.Image, file_format: str, **options: object) -> bytes:
    return encoded(image, file_format, **FORMATS[file_format], **options)


@pytest.fixture(params=[pillow, libvips], ids=["pillow", "libvips"])
def engine(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module


@pytest.fixture(params=FORMATS)
def file_format(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_every_format_has_an_engine() -> None:
    assert libvips.FORMATS < pillow.FORMATS


@pytest.mark.parametrize(
    ("size", "target"),
    [
        pytest.param((403, 302), (96, 72), id="smaller"),
        pytest.param((403, 302), (402, 301), id="hardly smaller"),
        pytest.param((403, 302), (403, 302), id="as it is"),
        pytest.param((403, 302), (7, 300), id="of another aspect"),
        pytest.param((1000, 3), (96, 1), id="a line"),
        pytest.param((1, 1), (1, 1), id="a pixel"),
    ],
)
def test_a_picture_is_of_the_size_asked_for(
    engine: ModuleType, file_format: str, size: tuple[int, int], target: tuple[int, int]
) -> None:
    assert decoded(engine, written(scene(*size), file_format), target).size == target


@pytest.mark.parametrize("target", [(96, 72), (200, 150), (403, 302)], ids=["quarter", "half", "whole"])
def test_it_is_as_good_as_the_whole_picture_resampled(
    engine: ModuleType, file_format: str, target: tuple[int, int]
) -> None:
    expected = scene().resize(target, Image.Resampling.LANCZOS)

    assert decibels(decoded(engine, written(scene(), file_format), target), expected) >= 40


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_upright(engine: ModuleType, file_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = written(stored(scene(), orientation), file_format, exif=exif)

    assert decibels(decoded(engine, content, (96, 72)), scene().resize((96, 72), Image.Resampling.LANCZOS)) >= 40


class TestTransparency:
    def test_colours_weigh_by_it(self, engine: ModuleType, file_format: str) -> None:
        vignette = decoded(engine, written(seen_through(), file_format), (96, 72))

        premultiplied = seen_through().convert("RGBa").resize((96, 72), Image.Resampling.LANCZOS)
        assert vignette.mode == "RGBA"
        assert decibels(vignette, premultiplied.convert("RGBA")) >= 40

    @pytest.mark.parametrize("target", [(96, 72), (200, 150), (403, 302)])
    @pytest.mark.parametrize("options", [{"quality": 90}, {"lossless": True}], ids=["lossy", "lossless"])
    def test_what_is_hidden_does_not_show_at_a_hard_edge(
        self, engine: ModuleType, options: dict[str, object], target: tuple[int, int]
    ) -> None:
        """Where the decoder of WebP scales lossy colours, those that are hidden count as much as others."""
        content = encoded(cut_out(1209, 906), "WEBP", exact=True, method=0, **options)

        with Image.open(io.BytesIO(content)) as picture:
            whole = picture.convert("RGBA").convert("RGBa").resize(target, Image.Resampling.LANCZOS).convert("RGBA")
        assert decibels(decoded(engine, content, target), whole) >= 40

    def test_it_is_kept_where_nothing_is_resampled(self, engine: ModuleType, file_format: str) -> None:
        alpha = decoded(engine, written(seen_through(), file_format)).getchannel("A")

        assert alpha.tobytes() == seen_through().getchannel("A").tobytes()

    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_grey_may_have_it(self, engine: ModuleType, kind: str) -> None:
        vignette = decoded(engine, encoded(Image.new("LA", (40, 30), (100, 60)), kind), (20, 15))

        grey, alpha = vignette.convert("LA").getpixel((9, 7))  # type: ignore[misc]
        assert (vignette.mode, alpha) == ("LA", 60)
        assert grey == pytest.approx(100, abs=2)  # weighed by its alpha in 8 bits


def test_the_embedded_profile_counts(engine: ModuleType, file_format: str) -> None:
    content = written(Image.new("RGB", (40, 30), (200, 60, 40)), file_format, icc_profile=rgb_profile(SWAPPED))

    assert decoded(engine, content, (20, 15)).getpixel((9, 7)) == pytest.approx(in_srgb((200, 60, 40), SWAPPED), abs=1)


def test_a_profile_leaves_transparency_alone(engine: ModuleType, file_format: str) -> None:
    content = written(Image.new("RGBA", (40, 30), (200, 60, 40, 128)), file_format, icc_profile=rgb_profile(ADOBE_RGB))

    *colour, alpha = decoded(engine, content).getpixel((9, 7))  # type: ignore[misc]
    assert alpha == 128
    assert colour == pytest.approx(in_srgb((200, 60, 40), ADOBE_RGB), abs=1)


@pytest.mark.parametrize("profile", [b"no profile", bytes(200), b"\xff" * 5000], ids=["words", "zeros", "ones"])
def test_a_damaged_profile_is_passed_over(engine: ModuleType, file_format: str, profile: bytes) -> None:
    content = written(Image.new("RGB", (40, 30), (200, 60, 40)), file_format, icc_profile=profile)

    assert decoded(engine, content).getpixel((9, 7)) == (200, 60, 40)


@pytest.mark.parametrize("see", [scene, seen_through], ids=["opaque", "transparent"])
def test_of_an_animation_the_first_frame_is_seen(engine: ModuleType, see: Callable[[], Image.Image]) -> None:
    """libvips scales an opaque one as it decodes, and no other."""
    content = encoded(see(), "WEBP", lossless=True, save_all=True, append_images=[Image.new("RGB", (403, 302), "red")])

    expected = see().convert("RGBa" if see is seen_through else "RGB").resize((96, 72), Image.Resampling.LANCZOS)
    assert decibels(decoded(engine, content, (96, 72)), expected.convert("RGBA")) >= 40


class TestDamage:
    """Not half a picture: an error, which `render` turns into one of ours."""

    def test_of_a_png_whose_pixels_do_not_inflate(self, engine: ModuleType) -> None:
        with pytest.raises((OSError, SyntaxError, ValueError)):
            decoded(engine, broken_pixels())

    @pytest.mark.parametrize("target", [(96, 72), (403, 302)], ids=["shrunk", "whole"])
    @pytest.mark.parametrize("kind", ["WEBP", "TIFF"])
    def test_in_the_middle_of_the_pixels(self, engine: ModuleType, kind: str, target: tuple[int, int]) -> None:
        content = bytearray(written(scene(), kind))
        middle = len(content) // 2
        content[middle : middle + 400] = b"\xa5" * 400

        with pytest.raises((OSError, SyntaxError, ValueError)):
            decoded(engine, bytes(content), target)

    def test_of_a_png_whose_checksum_is_wrong(self) -> None:
        """The door compares it too. The worker leaves it to libvips, which PNGs go to."""
        content = bytearray(written(scene(), "PNG"))
        told = read_anatomy(io.BytesIO(content), len(content))
        content[content.index(b"IEND") - 5] ^= 1  # the last byte of the last checksum of pixels

        with pytest.raises((OSError, SyntaxError, ValueError)):
            decode(io.BytesIO(content), told, (96, 72))

    def test_of_a_file_that_says_another_size_to_the_decoder(self, engine: ModuleType, file_format: str) -> None:
        content = written(scene(), file_format)
        # libvips opens a WebP at its smaller scale at once, where one pixel of four hundred makes no difference.
        is_scaled = engine is libvips and file_format == "WEBP"
        width, seen = (302, "192 × 144") if is_scaled else (402, "403 × 302")
        told = dataclasses.replace(read_anatomy(io.BytesIO(content), len(content)), width=width)

        with pytest.raises(RenderingFailed, match=seen):
            engine.decode(io.BytesIO(content), told, (96, 72))


SAMPLES: dict[str, Callable[[], bytes]] = {
    "a palette": lambda: encoded(scene().quantize(64), "PNG"),
    "a palette of sixteen": lambda: encoded(scene().quantize(16), "PNG", bits=4),
    "a palette with transparency": lambda: encoded(scene().quantize(64), "PNG", transparency=3),
    "one transparent colour": lambda: encoded(scene(), "PNG", transparency=(210, 120, 90)),
    "grey": lambda: encoded(scene().convert("L"), "PNG"),
    "one bit": lambda: encoded(scene().convert("1", dither=Image.Dither.NONE), "PNG"),
    "16 bits of grey": lambda: encoded(scene().convert("I;16"), "PNG"),
    "a TIFF palette": lambda: encoded(scene().quantize(64), "TIFF"),
    "a TIFF of one bit": lambda: encoded(scene().convert("1", dither=Image.Dither.NONE), "TIFF", compression="group4"),
    "a TIFF of grey": lambda: encoded(scene().convert("L"), "TIFF", compression="packbits"),
    "a TIFF of 16 bits of grey": lambda: encoded(scene().convert("I;16"), "TIFF"),
    "a TIFF in CMYK": lambda: encoded(scene().convert("CMYK"), "TIFF", compression="tiff_lzw"),
    "a TIFF of JPEGs": lambda: encoded(scene(), "TIFF", compression="jpeg", quality=95),
    "a TIFF as it is": lambda: encoded(scene(), "TIFF"),
    "a lossy WebP": lambda: encoded(scene(), "WEBP", quality=90),
    "a lossy WebP with transparency": lambda: encoded(seen_through(), "WEBP", quality=90),
}


@pytest.mark.parametrize("target", [(96, 72), (403, 302)], ids=["shrunk", "whole"])
@pytest.mark.parametrize("make", SAMPLES.values(), ids=SAMPLES)
def test_both_see_the_same(make: Callable[[], bytes], target: tuple[int, int]) -> None:
    content = make()

    one, other = decoded(pillow, content, target), decoded(libvips, content, target)

    assert one.has_transparency_data == other.has_transparency_data
    assert decibels(one, other) >= 40


def test_what_one_does_not_know_the_other_is_asked() -> None:
    content = encoded(Image.new("LAB", (40, 30), (120, 128, 128)), "TIFF")
    file = io.BytesIO(content)
    anatomy = read_anatomy(file, len(content))
    with pytest.raises(UnknownVariety):
        libvips.decode(file, anatomy, (20, 15))

    assert decode(file, anatomy, (20, 15)).size == (20, 15)
