"""The preview that a camera embeds stands for its picture, if it looks as that does."""

from __future__ import annotations

import base64
import io
import random
from typing import Any

import pytest
from PIL import Image, ImageOps

from tests.makers import jpeg_segment, jpeg_with, still
from tests.unit.pixels.metadata.makers import LONG, SHORT, Value, tiff
from tests.unit.pixels.reading import anatomy
from vignette.model import ImageFacts
from vignette.pixels.metadata import describe
from vignette.pixels.preview import embedded_preview

APP1 = 0xE1


def photo(preview: bytes, orientation: int = 1, width: int = 80, height: int = 60) -> bytes:
    """A JPEG of *width* × *height* stored pixels, whose EXIF embeds *preview*."""
    first = {0x0112: Value(SHORT, orientation)}
    start = len(tiff(first, {0x0201: Value(LONG, 0), 0x0202: Value(LONG, 0)}))
    stream = tiff(first, {0x0201: Value(LONG, start), 0x0202: Value(LONG, len(preview))}) + preview
    return jpeg_with(jpeg_segment(APP1, b"Exif\0\0" + stream), content=still("JPEG", width, height))


def preview_of(content: bytes, media_type: str = "image/jpeg") -> bytes | None:
    read = anatomy(content)
    return embedded_preview(describe(read.blocks), ImageFacts(media_type, "", *read.upright_size, frames=1))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_as_the_picture_is(orientation: int) -> None:
    stored = still("JPEG", 40, 30)

    preview = preview_of(photo(stored, orientation))

    assert preview is not None
    expected = Image.open(io.BytesIO(stored))
    expected.getexif()[0x0112] = orientation
    with Image.open(io.BytesIO(preview)) as shown:
        assert ImageOps.exif_transpose(shown).tobytes() == ImageOps.exif_transpose(expected).tobytes()
        assert shown.size == (40, 30)


def test_nothing_that_it_says_comes_along() -> None:
    talkative = still("JPEG", 40, 30, comment=b"SECRET", exif=b"Exif\0\0" + tiff({0x0112: Value(SHORT, 3)})) + b"SECRET"

    preview = preview_of(photo(talkative))

    assert preview is not None
    assert b"SECRET" not in preview
    assert anatomy(preview).orientation == 1


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(still("JPEG", 80, 60), id="no metadata"),
        pytest.param(photo(still("JPEG", 40, 20)), id="another shape, as of a picture that was cropped since"),
        pytest.param(
            photo(still("JPEG", 40, 30), orientation=6, width=30, height=40), id="a preview that stands already"
        ),
        pytest.param(photo(still("JPEG", 40, 30)[:-40]), id="a preview that is cut off"),
        pytest.param(photo(still("PNG", 40, 30)), id="a PNG"),
        pytest.param(photo(b"<script>alert(1)</script>"), id="a script"),
        pytest.param(photo(still("JPEG", 1600, 1200, quality=1)), id="too many pixels"),
    ],
)
def test_what_is_none_is_not_shown(content: bytes) -> None:
    assert preview_of(content) is None


@pytest.mark.parametrize("media_type", ["image/tiff", "image/heic", "image/avif"])
def test_formats_that_are_not_turned_by_exif_show_none(media_type: str) -> None:
    assert preview_of(photo(still("JPEG", 40, 30)), media_type) is None


@pytest.mark.parametrize(
    "description",
    [
        {"exif": {"IFD1": {"ThumbnailImage": "a text"}}},
        {"exif": {"IFD1": {"ThumbnailImage": {"type": "bytes", "base64": "x"}}}},
        {"exif": {"IFD1": {"ThumbnailImage": [1, 2]}}},
    ],
    ids=["text", "no base64", "list"],
)
def test_a_strange_description_shows_none(description: dict[str, Any]) -> None:
    assert embedded_preview(description, ImageFacts("image/jpeg", "jpg", 80, 60, 1)) is None


def test_one_that_is_larger_than_any_camera_embeds_is_not_read() -> None:
    """It is read again each time that a client asks, in plain Python."""
    pixels = Image.frombytes("L", (600, 450), random.Random(1).randbytes(600 * 450))
    for quality, is_shown in ((5, True), (90, False)):
        file = io.BytesIO()
        pixels.save(file, "JPEG", quality=quality, progressive=True)
        directories = {"IFD1": {"ThumbnailImage": {"base64": base64.b64encode(file.getvalue()).decode()}}}
        shown = embedded_preview({"exif": directories}, ImageFacts("image/jpeg", "jpg", 4000, 3000, 1))
        assert (shown is not None) == is_shown
