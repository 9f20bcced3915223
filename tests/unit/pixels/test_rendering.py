"""Thumbnails, judged by their pixels."""

from __future__ import annotations

import io
import itertools
import random
from collections.abc import Callable

import pytest
from PIL import Image, ImageChops, ImageCms, ImageDraw, ImageFont

from tests.house import broken_pixels
from tests.makers import encoded
from tests.unit.pixels.engines.scenes import stored
from vignette.errors import RenderingFailed
from vignette.pixels.geometry import fit, whole
from vignette.pixels.rendering import Rendition, render
from vignette.recipes import Fit, Recipe, VignetteFormat

BOX = Recipe("small", 64, 64, formats=("webp",), quality=95)

ORIENTATIONS = range(1, 9)


def quarters(width: int = 320, height: int = 160) -> Image.Image:
    """Red, green, blue and white quarters: no orientation looks like another."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 2 - 1, height // 2 - 1), "red")
    draw.rectangle((width // 2, 0, width, height // 2 - 1), "lime")
    draw.rectangle((0, height // 2, width // 2 - 1, height), "blue")
    return image


def rendered(content: bytes, recipe: Recipe = BOX) -> Image.Image:
    rendition = renditions(content, recipe)[0]
    vignette = Image.open(io.BytesIO(rendition.content))
    vignette.load()
    assert vignette.size == (rendition.width, rendition.height)
    return vignette


def renditions(content: bytes, *recipes: Recipe) -> list[Rendition]:
    return render(io.BytesIO(content), len(content), recipes)


def near(pixel: object, expected: tuple[int, ...], tolerance: int = 12) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= tolerance for a, b in zip(pixel, expected, strict=True))


def corners(image: Image.Image) -> list[object]:
    image = image.convert("RGB")
    width, height = image.size
    return [image.getpixel((x, y)) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]


UPRIGHT_CORNERS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_orientation_comes_out_upright(file_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if file_format == "WEBP" else {}

    vignette = rendered(encoded(stored(quarters(), orientation), file_format, exif=exif, **options))

    assert vignette.size == (64, 32)
    for pixel, expected in zip(corners(vignette), UPRIGHT_CORNERS, strict=True):
        assert near(pixel, expected)


@pytest.mark.parametrize(
    ("size", "box", "expected"),
    [
        pytest.param((4000, 3000), (256, 256), (256, 192), id="landscape"),
        pytest.param((3000, 4000), (256, 256), (192, 256), id="portrait"),
        pytest.param((40, 30), (256, 256), (40, 30), id="never enlarged"),
        pytest.param((10_000, 2), (256, 256), (256, 1), id="a line is a pixel high"),
        pytest.param((100, 100), (50, 20), (20, 20), id="the tighter side counts"),
        pytest.param((1, 1), (256, 256), (1, 1), id="a pixel"),
    ],
)
def test_a_vignette_fits_in_its_box(size: tuple[int, int], box: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fit(*size, Recipe("small", *box)) == expected


@pytest.mark.parametrize(
    ("size", "box", "whole_size", "expected"),
    [
        pytest.param((4000, 3000), (256, 256), (341, 256), (256, 256), id="landscape"),
        pytest.param((3000, 4000), (256, 128), (256, 341), (256, 128), id="portrait"),
        pytest.param((512, 256), (256, 128), (256, 128), (256, 128), id="of the same aspect"),
        pytest.param((40, 30), (256, 256), (40, 30), (30, 30), id="smaller than the box: as much as has its aspect"),
        pytest.param((400, 30), (256, 128), (400, 30), (60, 30), id="smaller one way"),
        pytest.param((256, 256), (256, 256), (256, 256), (256, 256), id="the box"),
        pytest.param((10_000, 2), (256, 256), (10_000, 2), (2, 2), id="a line"),
        pytest.param((1, 1), (256, 1), (1, 1), (1, 1), id="a pixel"),
    ],
)
def test_a_cover_has_the_aspect_of_its_box(
    size: tuple[int, int], box: tuple[int, int], whole_size: tuple[int, int], expected: tuple[int, int]
) -> None:
    recipe = Recipe("small", *box, fit="cover")

    assert (whole(*size, recipe), fit(*size, recipe)) == (whole_size, expected)


@pytest.mark.parametrize("fit_", ["inside", "cover"])
def test_no_size_is_enlarged_and_no_part_is_larger_than_its_whole(fit_: Fit) -> None:
    sides = (1, 2, 3, 99, 100, 101, 1000, 8191)
    for width, height, across, down in itertools.product(sides, repeat=4):
        recipe = Recipe("small", across, down, fit=fit_)
        complete, vignette = whole(width, height, recipe), fit(width, height, recipe)
        assert 1 <= vignette[0] <= complete[0] <= width
        assert 1 <= vignette[1] <= complete[1] <= height
        assert vignette[0] <= across
        assert vignette[1] <= down


class TestCover:
    def test_the_middle_is_kept(self) -> None:
        stripes = Image.new("RGB", (400, 100), "blue")
        stripes.paste("red", (150, 0, 250, 100))

        vignette = rendered(encoded(stripes, "PNG"), Recipe("s", 50, 50, fit="cover", formats=("webp",), quality=100))

        assert vignette.size == (50, 50)
        for x in (4, 45):
            assert near(vignette.convert("RGB").getpixel((x, 25)), (255, 0, 0), tolerance=24)

    @pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
    def test_by_attention_it_is_where_there_is_most_to_see(self, file_format: str) -> None:
        wall = Image.new("RGB", (800, 200), (120, 120, 120))
        draw = ImageDraw.Draw(wall)
        for step in range(0, 48, 6):
            draw.ellipse((640 + step, 60 + step // 2, 700, 140), outline="red", width=2)

        vignette = rendered(
            encoded(wall, file_format), Recipe("s", 50, 50, fit="cover", crop="attention", formats=("webp",))
        )

        assert vignette.size == (50, 50)
        red, green, _ = vignette.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))  # type: ignore[misc]
        assert red > green + 4

    def test_attention_understands_grey_and_transparency(self) -> None:
        for mode in ("L", "LA", "RGBA"):
            recipe = Recipe("s", 8, 8, fit="cover", crop="attention", formats=("webp",))
            assert rendered(encoded(quarters().convert(mode), "PNG"), recipe).size == (8, 8)

    def test_every_vignette_is_cut_from_the_whole(self) -> None:
        """Of two boxes that lie across each other, the larger takes nothing from the smaller."""
        recipes = [
            Recipe("wide", 200, 20, fit="cover", formats=("webp",)),
            Recipe("tall", 20, 100, fit="cover", formats=("webp",)),
            Recipe("small", 32, 32, formats=("webp",)),
        ]

        made = renditions(encoded(quarters(), "PNG"), *recipes)

        sizes = {"wide": (200, 20), "tall": (20, 100), "small": (32, 16)}
        assert {rendition.recipe.name: (rendition.width, rendition.height) for rendition in made} == sizes
        for rendition in made:
            with Image.open(io.BytesIO(rendition.content)) as vignette:
                for pixel, expected in zip(corners(vignette), UPRIGHT_CORNERS, strict=True):
                    assert near(pixel, expected, tolerance=32)


def test_one_decode_makes_all_sizes_and_formats() -> None:
    recipes = [Recipe("small", 16, 16), Recipe("large", 128, 128, formats=("webp", "jpeg", "avif"))]

    made = renditions(encoded(quarters(), "JPEG"), *recipes)

    assert [(r.recipe.name, r.file_format, r.width, r.height) for r in made] == [
        ("small", "webp", 16, 8),
        ("small", "jpeg", 16, 8),
        ("large", "webp", 128, 64),
        ("large", "jpeg", 128, 64),
        ("large", "avif", 128, 64),
    ]


@pytest.mark.parametrize("file_format", ["webp", "jpeg", "avif"])
def test_a_vignette_is_of_the_format_that_its_name_says(file_format: VignetteFormat) -> None:
    vignette = rendered(encoded(quarters(), "PNG"), Recipe("small", 64, 64, formats=(file_format,)))

    assert vignette.format == file_format.upper()


GREY = Image.new("RGB", (90, 60), (128, 128, 128))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: encoded(Image.new("L", (90, 60), 128), "JPEG"), id="grey JPEG"),
        pytest.param(lambda: encoded(GREY, "JPEG", progressive=True), id="progressive"),
        pytest.param(lambda: encoded(Image.new("CMYK", (90, 60), (0, 0, 0, 127)), "JPEG"), id="CMYK JPEG"),
        pytest.param(lambda: encoded(Image.new("I;16", (90, 60), 128 * 257), "PNG"), id="16-bit grey PNG"),
        pytest.param(lambda: encoded(Image.new("I;16", (90, 60), 128 * 257), "TIFF"), id="16-bit grey TIFF"),
        pytest.param(lambda: encoded(GREY.quantize(4), "PNG"), id="palette PNG"),
        pytest.param(lambda: encoded(GREY, "GIF"), id="GIF"),
        pytest.param(lambda: encoded(GREY, "BMP"), id="BMP"),
        pytest.param(lambda: encoded(GREY, "TIFF", compression="tiff_lzw"), id="LZW TIFF"),
        pytest.param(lambda: encoded(Image.new("CMYK", (90, 60), (0, 0, 0, 127)), "TIFF"), id="CMYK TIFF"),
        pytest.param(lambda: encoded(GREY, "AVIF"), id="AVIF"),
        pytest.param(lambda: encoded(GREY, "WEBP"), id="WebP"),
    ],
)
def test_middle_grey_stays_middle_grey_in_every_kind_of_samples(make: Callable[[], bytes]) -> None:
    vignette = rendered(make()).convert("RGB")

    assert vignette.size == (64, 43)
    assert near(vignette.getpixel((30, 20)), (128, 128, 128), tolerance=4)


@pytest.mark.parametrize(("bit", "grey"), [(0, 0), (1, 255)])
def test_one_bit_is_black_or_white(bit: int, grey: int) -> None:
    vignette = rendered(encoded(Image.new("1", (90, 60), bit), "PNG")).convert("RGB")

    assert near(vignette.getpixel((30, 20)), (grey, grey, grey), tolerance=2)


class TestTransparency:
    def test_it_is_kept_where_the_format_can(self) -> None:
        image = Image.new("RGBA", (100, 100), (255, 0, 0, 0))
        image.paste((0, 0, 255, 255), (50, 0, 100, 100))

        vignette = rendered(encoded(image, "PNG")).convert("RGBA")

        assert near(vignette.getpixel((10, 32)), (0, 0, 0, 0), tolerance=255)
        assert vignette.getpixel((10, 32))[3] == 0  # type: ignore[index]
        assert near(vignette.getpixel((50, 32)), (0, 0, 255, 255))

    def test_it_becomes_white_where_the_format_cannot(self) -> None:
        image = Image.new("RGBA", (100, 100), (255, 0, 0, 0))

        vignette = rendered(encoded(image, "PNG"), Recipe("small", 64, 64, formats=("jpeg",)))

        assert near(vignette.getpixel((10, 32)), (255, 255, 255))

    def test_hidden_colours_do_not_bleed_into_the_edge(self) -> None:
        image = Image.new("RGBA", (101, 101), (255, 0, 0, 0))
        image.paste((0, 0, 255, 255), (50, 0, 101, 101))

        vignette = rendered(encoded(image, "PNG")).convert("RGBA")

        for x in range(64):
            red, _, _, alpha = vignette.getpixel((x, 32))  # type: ignore[misc]
            assert alpha < 16 or red < 32

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(encoded(Image.new("P", (90, 60), 0), "PNG", transparency=0), id="palette"),
            pytest.param(encoded(Image.new("RGB", (90, 60), (9, 9, 9)), "PNG", transparency=(9, 9, 9)), id="a colour"),
            pytest.param(encoded(Image.new("L", (90, 60), 9), "PNG", transparency=9), id="a grey"),
            pytest.param(encoded(Image.new("LA", (90, 60), (9, 0)), "PNG"), id="grey and alpha"),
            pytest.param(encoded(Image.new("P", (90, 60), 0), "GIF", transparency=0), id="GIF"),
        ],
    )
    def test_every_way_to_say_it_is_understood(self, content: bytes) -> None:
        vignette = rendered(content).convert("RGBA")

        assert vignette.getpixel((30, 20))[3] == 0  # type: ignore[index]


class TestColour:
    def swapped(self) -> bytes:
        """A profile in which what is called red is green: a picture that ignores it shows the wrong colour."""
        profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
        for one, other in ((b"rXYZ", b"gXYZ"),):
            a, b = profile.index(one), profile.index(other)
            profile[a : a + 4], profile[b : b + 4] = profile[b : b + 4], profile[a : a + 4]
        return bytes(profile)

    def test_the_embedded_profile_counts(self) -> None:
        image = Image.new("RGB", (90, 60), (255, 0, 0))

        vignette = rendered(encoded(image, "PNG", icc_profile=self.swapped()))

        assert near(vignette.convert("RGB").getpixel((30, 20)), (0, 255, 0))

    def test_it_counts_where_there_is_transparency_too(self) -> None:
        image = Image.new("RGBA", (90, 60), (255, 0, 0, 128))

        vignette = rendered(encoded(image, "PNG", icc_profile=self.swapped())).convert("RGBA")

        assert near(vignette.getpixel((30, 20)), (0, 255, 0, 128))

    @pytest.mark.parametrize("profile", [b"no profile", bytes(200), b"\xff" * 5000], ids=["words", "zeros", "ones"])
    def test_a_damaged_profile_is_passed_over(self, profile: bytes) -> None:
        image = Image.new("RGB", (90, 60), (200, 100, 50))

        vignette = rendered(encoded(image, "JPEG", icc_profile=profile))

        assert near(vignette.convert("RGB").getpixel((30, 20)), (200, 100, 50))

    def test_the_vignette_carries_no_profile_of_its_own(self) -> None:
        image = Image.new("RGB", (90, 60), (255, 0, 0))

        for file_format in ("webp", "jpeg"):
            recipe = Recipe("s", 64, 64, formats=(file_format,))
            vignette = rendered(encoded(image, "PNG", icc_profile=self.swapped()), recipe)
            assert "icc_profile" not in vignette.info


def test_the_first_frame_of_an_animation_is_shown() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]

    for file_format in ("GIF", "WEBP", "PNG", "AVIF"):
        content = encoded(frames[0], file_format, save_all=True, append_images=frames[1:])
        assert near(rendered(content).convert("RGB").getpixel((20, 20)), (255, 0, 0), tolerance=16)


def test_of_several_pictures_in_one_jpeg_the_first_is_shown() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]

    vignette = rendered(encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]))

    assert near(vignette.convert("RGB").getpixel((20, 20)), (255, 0, 0), tolerance=16)


def test_a_scaled_decode_is_as_good_as_a_full_one() -> None:
    """Over 40 dB: nobody sees the difference, and nothing is shifted by a part of a pixel."""
    source = Image.radial_gradient("L").resize((1003, 749)).convert("RGB")
    content = encoded(source, "JPEG", quality=95)
    recipe = Recipe("small", 100, 100, formats=("webp",), quality=100)
    with Image.open(io.BytesIO(content)) as full:
        expected = full.convert("RGB").resize(fit(1003, 749, recipe), Image.Resampling.LANCZOS)

    actual = rendered(content, recipe).convert("RGB")

    squares = [(a - b) ** 2 for a, b in zip(actual.tobytes(), expected.tobytes(), strict=True)]
    assert sum(squares) / len(squares) < 255**2 / 10**4


class TestPicturesOfFewColours:
    def icon(self, side: int) -> Image.Image:
        """Columns of red and blue, of a pixel each."""
        image = Image.new("RGB", (side, side), "red")
        for x in range(0, side, 2):
            image.paste((0, 0, 255), (x, 0, x + 1, side))
        return image

    @pytest.mark.parametrize("side", [1, 8, 16, 64, 200, 512])
    @pytest.mark.parametrize("file_format", ["PNG", "GIF", "BMP"])
    def test_an_icon_keeps_its_colours(self, side: int, file_format: str) -> None:
        vignette = rendered(encoded(self.icon(side), file_format), Recipe("small", 512, 512, formats=("webp",)))

        assert vignette.convert("RGB").tobytes() == self.icon(side).tobytes()

    def test_its_transparency_is_kept_as_it_is(self) -> None:
        image = self.icon(16).convert("RGBA")
        image.putalpha(Image.linear_gradient("L").resize((16, 16), Image.Resampling.NEAREST))

        vignette = rendered(encoded(image, "PNG"), Recipe("small", 256, 256, formats=("webp",)))

        assert vignette.convert("RGBA").getchannel("A").tobytes() == image.getchannel("A").tobytes()

    @pytest.mark.parametrize("side", [24, 32])
    def test_a_tiny_picture_of_many_colours_keeps_them(self, side: int) -> None:
        image = Image.new("RGB", (side, side))
        ramp = Image.linear_gradient("L").resize((side, side))
        image = Image.merge("RGB", (ramp, ramp.rotate(90), ImageChops.invert(ramp)))
        image.paste((255, 0, 255), (side // 2, 0, side // 2 + 1, side))

        vignette = rendered(encoded(image, "PNG"), Recipe("small", 256, 256, formats=("webp",)))

        assert vignette.convert("RGB").tobytes() == image.tobytes()

    def test_letters_with_soft_edges_keep_their_colours(self) -> None:
        image = self.letters()
        assert image.getcolors(256) is None

        vignette = rendered(encoded(image, "PNG"), Recipe("small", 256, 256, formats=("webp",)))

        assert vignette.convert("RGB").tobytes() == image.tobytes()

    def letters(self) -> Image.Image:
        """Black letters with a red edge."""
        image = Image.new("RGB", (160, 35), "white")
        draw = ImageDraw.Draw(image)
        draw.text((4, 4), "Sharp letters", "black", ImageFont.load_default(26), stroke_width=2, stroke_fill="red")
        return image

    @pytest.mark.parametrize("size", [(40, 80), (128, 90)], ids=str)
    @pytest.mark.parametrize("mode", ["RGB", "RGBA"])
    def test_a_short_picture_whose_colours_change_at_each_pixel_keeps_them(
        self, mode: str, size: tuple[int, int]
    ) -> None:
        image = self.noise(*size).convert(mode)

        vignette = rendered(encoded(image, "PNG"), Recipe("small", 256, 256, formats=("webp",)))

        assert vignette.convert(mode).tobytes() == image.tobytes()

    def noise(self, width: int, height: int) -> Image.Image:
        return Image.frombytes("RGB", (width, height), random.Random(3).randbytes(3 * width * height))

    @pytest.mark.parametrize("side", [64, 128])
    def test_a_photo_stays_lossy_where_that_is_smaller(self, side: int) -> None:
        grain = self.noise(side, side).convert("L").point(lambda value: 64 + value // 2)
        hues = [band.point(lambda value: 96 + value // 4) for band in self.noise(side // 8, side // 8).split()[:2]]
        photo = Image.merge("YCbCr", [grain, *(hue.resize((side, side)) for hue in hues)]).convert("RGB")

        (made,) = renditions(encoded(photo, "PNG"), Recipe("small", 256, 256, formats=("webp",)))

        assert b"VP8L" not in made.content

    def test_a_larger_picture_stays_lossy(self) -> None:
        (made,) = renditions(encoded(self.noise(129, 129), "PNG"), Recipe("small", 256, 256, formats=("webp",)))

        assert b"VP8L" not in made.content


def test_damaged_pixels_are_no_vignette() -> None:
    with pytest.raises(RenderingFailed):
        rendered(broken_pixels())
