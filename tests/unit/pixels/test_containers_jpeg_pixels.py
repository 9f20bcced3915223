"""What an eighth of a progressive JPEG needs: less of the file, and not a bit less of the picture."""

from __future__ import annotations

import io

import pytest
from PIL import JpegImagePlugin

from tests.makers import encoded, jpeg_segment, jpeg_with
from tests.unit.pixels.engines.scenes import decoded, scene
from vignette.pixels import engines
from vignette.pixels.containers.jpeg_pixels import eighth
from vignette.pixels.containers.reader import Reader


def pruned(content: bytes) -> bytes | None:
    return eighth(Reader(io.BytesIO(content), len(content)))


def at_an_eighth(content: bytes) -> JpegImagePlugin.JpegImageFile:
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(content))
    image.draft(image.mode, (max(1, image.width // 8), max(1, image.height // 8)))
    assert image.decoderconfig[0] == 8
    image.load()
    return image


SIZES = [(403, 302), (2000, 1501), (17, 23), (9, 8), (8, 4000)]


@pytest.mark.parametrize("size", SIZES, ids=[f"{width} × {height}" for width, height in SIZES])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_the_picture_is_the_same_to_the_bit(size: tuple[int, int], mode: str, subsampling: str) -> None:
    content = encoded(scene(*size).convert(mode), "JPEG", progressive=True, subsampling=subsampling, quality=95)

    smaller = pruned(content)

    assert smaller is not None
    assert at_an_eighth(smaller).tobytes() == at_an_eighth(content).tobytes()


@pytest.mark.parametrize("options", [{"restart_marker_rows": 1}, {"quality": 1}, {"quality": 100}], ids=str)
def test_with_whatever_an_encoder_does(options: dict[str, int]) -> None:
    content = encoded(scene(), "JPEG", progressive=True, **options)

    smaller = pruned(content)

    assert smaller is not None
    assert len(smaller) < len(content)
    assert at_an_eighth(smaller).tobytes() == at_an_eighth(content).tobytes()


def test_no_metadata_are_left_in_it_but_what_the_colours_need() -> None:
    content = encoded(scene().convert("CMYK"), "JPEG", progressive=True)
    content = jpeg_with(
        jpeg_segment(0xE1, b"Exif\0\0 secret"), jpeg_segment(0xE2, b"ICC_PROFILE\0 secret"), content=content
    )

    smaller = pruned(content)

    assert smaller is not None
    assert b"secret" not in smaller
    assert b"Adobe" in smaller


ADOBE_RGB = jpeg_segment(0xEE, b"Adobe" + bytes(7))
"""It says that the colours are not transformed; JFIF says that they are YCbCr, and goes first."""


@pytest.mark.parametrize("has_jfif", [True, False], ids=["with JFIF", "without JFIF"])
def test_what_the_colours_are_is_told_by_the_same_segment(has_jfif: bool) -> None:
    content = encoded(scene(), "JPEG", progressive=True)
    assert content[2:4] == b"\xff\xe0"
    rest = content[2:] if has_jfif else content[20:]
    content = content[:2] + ADOBE_RGB + rest

    smaller = pruned(content)

    assert smaller is not None
    assert at_an_eighth(smaller).tobytes() == at_an_eighth(content).tobytes()


@pytest.mark.parametrize("marker", [0x01, 0xD0], ids=["TEM", "a restart"])
def test_a_marker_without_a_segment_is_passed_over(marker: int) -> None:
    content = encoded(scene(), "JPEG", progressive=True)

    assert pruned(content[:2] + bytes([0xFF, marker]) + content[2:]) == pruned(content)


def test_components_of_one_name_are_left_as_they_are() -> None:
    content = bytearray(encoded(scene(), "JPEG", progressive=True))
    frame = content.index(b"\xff\xc2")
    for component in range(3):
        content[frame + 10 + 3 * component] = 1

    assert pruned(bytes(content)) is None


def test_a_vignette_of_it_is_the_same() -> None:
    """A progressive JPEG has the coefficients of a plain one of the same quality, of which nothing is left out."""
    plain, progressive = (encoded(scene(2000, 1500), "JPEG", progressive=choice) for choice in (False, True))
    made = [decoded(engines, content, (120, 90)) for content in (plain, progressive)]

    assert made[0].tobytes() == made[1].tobytes()
