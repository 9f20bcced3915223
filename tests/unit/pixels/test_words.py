"""No words of a decoder, a codec or a Python exception reach a user: what fails is told in our own words."""

from __future__ import annotations

import io
import logging
import random
import re

import pytest

from tests.makers import animation, bmp, still
from vignette.errors import Refused, RenderingFailed
from vignette.pixels.inspection import inspect
from vignette.pixels.rendering import render
from vignette.recipes import Recipe

SMALL = Recipe("small", 32, 32, formats=("webp",))

OURS = re.compile(
    r"the (JPEG|PNG|APNG|GIF|WebP|AVIF|HEIC|HEIF|TIFF|BMP) cannot be decoded: "
    r"(it is in a variety that no decoder here knows|it ends before all of its pixels|"
    r"its pixels are damaged, or coded in a way that no decoder here knows)"
    r"|its decoder sees \d+ × \d+ pixels, the door saw others"
)
FOREIGN = re.compile(
    r"unpack|buffer|codec|traceback|exception|error|nonetype|0x[0-9a-f]{6}|vips|spng|libpng|libjpeg|libtiff|pillow|"
    r"not enough values|index out of range|invalid literal|argument|stream has|operation|\bb['\"]",
    re.IGNORECASE,
)

PICTURES = {
    "JPEG": still("JPEG"),
    "progressive JPEG": still("JPEG", progressive=True),
    "PNG": still("PNG"),
    "PNG of a palette": still("PNG", mode="P"),
    "APNG": animation("PNG", 3),
    "GIF": animation("GIF", 3),
    "WebP": still("WEBP"),
    "lossless WebP": still("WEBP", lossless=True),
    "AVIF": still("AVIF"),
    "TIFF": still("TIFF", compression="tiff_lzw"),
    "TIFF in Deflate": still("TIFF", compression="tiff_adobe_deflate"),
    "TIFF in JPEG": still("TIFF", compression="jpeg"),
    "TIFF in fax": still("TIFF", mode="1", compression="group4"),
    "BMP": still("BMP", mode="P"),
    "BMP of run lengths": bmp(9, 5, 8, compression=1, pixels=b"\x09\0\0\0" * 5 + b"\0\1"),
}


def words_of(content: bytes) -> str:
    """What a user reads of a picture that is refused or fails; nothing if it is shown."""
    try:
        inspect(io.BytesIO(content), len(content), max_pixels=1_000_000, max_frames=100)
        render(io.BytesIO(content), len(content), [SMALL])
    except RenderingFailed as failure:
        return "" if OURS.fullmatch(str(failure)) else f"{failure} (error)"
    except Refused as refusal:
        return str(refusal)
    return ""


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_what_is_damaged_anywhere_fails_in_our_words(picture: bytes) -> None:
    chance = random.Random(7)
    told = set()
    for _ in range(80):
        damaged = bytearray(picture)
        for _ in range(chance.choice([1, 1, 3, 20])):
            damaged[chance.randrange(4, len(damaged))] = chance.randrange(256)
        told.add(words_of(bytes(damaged)))
        told.add(words_of(picture[: chance.randrange(4, len(picture))]))

    assert len(told) > 2
    assert not [words for words in told if FOREIGN.search(words)]


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_the_names_of_parts_are_told_as_words_whatever_stands_in_their_place(picture: bytes) -> None:
    places = (*range(4, min(len(picture), 200)), *range(200, len(picture), 97))
    told = {words_of(picture[:place] + b"\x13nkI" + picture[place + 4 :]) for place in places}

    assert len(told) > 2
    assert not [words for words in told if FOREIGN.search(words)]


def test_the_words_of_the_decoder_are_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    content = still("JPEG")
    frame = content.index(b"\xff\xc0")
    with caplog.at_level(logging.INFO), pytest.raises(RenderingFailed):
        render(io.BytesIO(content[: frame + 11] + b"\x44" + content[frame + 12 :]), len(content), [SMALL])
    assert "a decoder gave up a JPEG: " in caplog.text
