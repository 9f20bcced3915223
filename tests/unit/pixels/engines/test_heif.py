"""HEIC as phones write it: turned by properties of the container, several pictures in a file, ten bits a sample."""

from __future__ import annotations

import io
from types import ModuleType

import pillow_heif
import pytest
from PIL import Image

from tests.unit.pixels.engines.scenes import decibels, decoded, scene, stored
from vignette.pixels import engines
from vignette.pixels.engines import libheif, pillow

TARGET = (96, 72)
EXPECTED = scene().resize(TARGET, Image.Resampling.LANCZOS)


@pytest.fixture(params=[pillow, libheif], ids=["pillow", "libheif"])
def engine(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module


def heic(*images: Image.Image, **options: object) -> bytes:
    content = io.BytesIO()
    file = pillow_heif.HeifFile()
    for image in images:
        file.add_from_pillow(image)
    file.save(content, quality=95, chroma=444, **options)
    return content.getvalue()


def exif(orientation: int) -> bytes:
    directory = Image.Exif()
    directory[0x0112] = orientation
    return directory.tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_once_though_both_container_and_exif_say_so(engine: ModuleType, orientation: int) -> None:
    content = heic(stored(scene(), orientation), exif=exif(orientation))
    assert (b"irot" in content or b"imir" in content) == (orientation > 1)

    assert decibels(decoded(engine, content, TARGET), EXPECTED) >= 40


def test_exif_alone_turns_nothing(engine: ModuleType) -> None:
    """ISO/IEC 23008-12, A.2.1: the orientation of EXIF is informative, what counts are the properties."""
    content = heic(stored(scene(), 3), exif=exif(3)).replace(b"irot", b"free")

    assert decibels(decoded(engine, content, TARGET), stored(EXPECTED, 3)) >= 40


def test_of_several_pictures_the_primary_one_is_shown(engine: ModuleType) -> None:
    content = heic(Image.new("RGB", (403, 302), "red"), scene(), primary_index=1)

    assert decibels(decoded(engine, content, TARGET), EXPECTED) >= 40


def test_of_ten_bits_a_sample_the_upper_eight_are_shown(engine: ModuleType) -> None:
    image = scene()
    samples = b"".join((value * 257).to_bytes(2, "little") for value in image.tobytes())
    content = io.BytesIO()
    deep = pillow_heif.from_bytes(mode="RGB;16", size=image.size, data=samples)
    deep.save(content, quality=95, chroma=444)

    assert decibels(decoded(engine, content.getvalue(), TARGET), EXPECTED) >= 40


def test_transparency_is_kept(engine: ModuleType) -> None:
    image = scene().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))

    alpha = decoded(engine, heic(image), TARGET).getchannel("A")

    assert decibels(alpha, image.getchannel("A").resize(TARGET, Image.Resampling.LANCZOS)) >= 40


def test_heic_is_shrunk_where_libheif_has_it() -> None:
    content = heic(scene())

    by_libheif, by_pillow, ours = (decoded(engine, content, TARGET).tobytes() for engine in (libheif, pillow, engines))

    assert by_libheif != by_pillow  # each has a filter of its own
    assert ours == by_libheif
