"""At which scale a JPEG is decoded: no finer one than its detail needs, and no coarser one."""

from __future__ import annotations

import io
import random
from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont, JpegImagePlugin

from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.engines import pillow, whole_jpeg
from vignette.pixels.inspection import read_anatomy
from vignette.trials.bench.fidelity import decibels

# Half of it is 1.4 times the target: enough for a smooth picture alone.
WHOLE, TARGET = (1680, 1120), (600, 400)
# Half of it is 1.6 times this one: enough for all but text and the like.
SMALLER_TARGET = (525, 350)


def photo() -> Image.Image:
    """Like one of a camera with many pixels: no pixel differs much from its neighbours."""
    small = Image.effect_noise((WHOLE[0] // 16, WHOLE[1] // 16), 90).convert("RGB")
    return small.resize(WHOLE, Image.Resampling.BICUBIC)


def meadow() -> Image.Image:
    """Like a photo full of leaves and grass."""
    small = Image.effect_noise((WHOLE[0] // 2, WHOLE[1] // 2), 15).convert("RGB")
    return small.resize(WHOLE, Image.Resampling.BICUBIC)


def page() -> Image.Image:
    """Like a page of text: strokes a few pixels wide."""
    image, chance = Image.new("RGB", WHOLE, "white"), random.Random(3)
    draw = ImageDraw.Draw(image)
    for _ in range(9000):
        x, y = chance.randrange(WHOLE[0]), chance.randrange(WHOLE[1])
        draw.line((x, y, x + chance.randrange(-12, 13), y + chance.randrange(-12, 13)), "black", 3)
    return image


def jpeg(image: Image.Image, **options: object) -> tuple[io.BytesIO, Anatomy]:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92, **options)
    anatomy = read_anatomy(file, file.tell(), Bounds())
    file.seek(0)
    return file, anatomy


@pytest.fixture
def scales(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """By how much each picture was scaled down that was decoded."""
    decoded: list[int] = []
    load = whole_jpeg.load

    def note(source: JpegImagePlugin.JpegImageFile, file: io.BytesIO) -> None:
        decoded.append(round(WHOLE[0] / source.size[0]))
        load(source, file)

    monkeypatch.setattr(whole_jpeg, "load", note)
    return decoded


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    ("make", "target", "expected"),
    [
        pytest.param(photo, TARGET, [2], id="a photo"),
        pytest.param(meadow, TARGET, [2, 1], id="a meadow"),
        pytest.param(meadow, SMALLER_TARGET, [2], id="a meadow, smaller"),
        pytest.param(page, TARGET, [2, 1], id="a page"),
        pytest.param(page, SMALLER_TARGET, [2, 1], id="a page, smaller"),
    ],
)
def test_the_finer_its_detail_the_finer_is_the_scale_at_which_a_picture_is_decoded(
    make: Callable[[], Image.Image],
    target: tuple[int, int],
    expected: list[int],
    progressive: bool,
    scales: list[int],
) -> None:
    file, anatomy = jpeg(make(), progressive=progressive)

    made = pillow.decode(file, anatomy, target)

    assert scales == expected
    file.seek(0)
    with Image.open(file) as whole:
        assert decibels(made, whole.resize(target, Image.Resampling.LANCZOS)) > 43


@pytest.mark.parametrize("whole", [(1800, 2), (2, 1800)])
def test_a_picture_whose_pixels_have_no_four_neighbours_is_decoded(whole: tuple[int, int]) -> None:
    file, anatomy = jpeg(page().resize(whole))
    target = max(1, whole[0] // 3), max(1, whole[1] // 3)

    assert pillow.decode(file, anatomy, target).size == target


def test_a_picture_whose_scales_are_the_same_is_decoded_once(scales: list[int]) -> None:
    file, anatomy = jpeg(page().filter(ImageFilter.DETAIL))

    pillow.decode(file, anatomy, (400, 266))
    file.seek(0)
    pillow.decode(file, anatomy, (1680, 1120))

    assert scales == [2, 1]


def test_a_few_lines_of_text_on_an_even_ground_stay_sharp() -> None:
    image = Image.new("RGB", WHOLE, (150, 150, 150))
    draw = ImageDraw.Draw(image)
    for y in range(60, WHOLE[1], 70):
        draw.text((30, y), "the quick brown fox jumps over the lazy dog " * 3, (60, 60, 60), ImageFont.load_default(28))
    file, anatomy = jpeg(image)

    made = pillow.decode(file, anatomy, TARGET)

    file.seek(0)
    with Image.open(file) as whole:
        assert decibels(made, whole.resize(TARGET, Image.Resampling.LANCZOS)) > 43


@pytest.mark.parametrize("grey", [0, 20, 240, 255])
def test_an_even_ground_is_smooth_up_to_its_edge(grey: int, scales: list[int]) -> None:
    file, anatomy = jpeg(Image.new("RGB", WHOLE, (grey, grey, grey)))

    pillow.decode(file, anatomy, TARGET)

    assert scales == [2]
