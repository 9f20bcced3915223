"""Pictures that are damaged, and have all of their pixels: they are taken, shown like sound ones, and tell of it."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from tests.makers import encoded, jpeg_segment, jpeg_with, picture, still
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage
from vignette.limits import MIB
from vignette.pixels.publishing import publish
from vignette.pixels.rendering import render
from vignette.recipes import Recipe

WHOLE = Recipe("whole", 64, 64, formats=("webp",), quality=100)


def shown(content: bytes) -> bytes:
    """The pixels of a vignette of *content*."""
    (rendition,) = render(io.BytesIO(content), len(content), [WHOLE])
    with Image.open(io.BytesIO(rendition.content)) as vignette:
        return vignette.convert("RGBA").tobytes()


def public_copy(content: bytes) -> bytes:
    with publish(io.BytesIO(content), len(content)) as copy:
        return copy.read()


def warnings(content: bytes) -> str:
    return "; ".join(anatomy(content).blocks.warnings)


JPEGS = {
    "in colour": still("JPEG"),
    "grey": still("JPEG", mode="L"),
    "without subsampling": still("JPEG", subsampling="4:4:4"),
    "of four colours": still("JPEG", mode="CMYK"),
    "that starts anew in each row": still("JPEG", 400, 300, restart_marker_rows=1),
    "that starts anew after each block": still("JPEG", 400, 300, restart_marker_blocks=1),
    "optimised": still("JPEG", 401, 299, optimize=True, quality=95),
}
TRAILERS = {
    "nothing": b"",
    "half a marker": b"\xff",
    "a text": b"made by a panorama app, whose name is long enough to be taken for pixels",
    "zeros": bytes(1000),
    "another JPEG": still("JPEG", 16, 16),
    "a segment that goes over the end": b"\xff\xe1\xff\xf0abc",
}


@pytest.mark.parametrize("trailer", TRAILERS.values(), ids=TRAILERS)
@pytest.mark.parametrize("jpeg", JPEGS.values(), ids=JPEGS)
def test_a_jpeg_without_its_end_marker_is_taken(jpeg: bytes, trailer: bytes) -> None:
    damaged = jpeg[:-2] + trailer

    assert shown(damaged) == shown(jpeg)
    assert "lacks its end-of-image marker" in warnings(damaged)
    assert public_copy(damaged) == public_copy(jpeg)


@pytest.mark.parametrize("end", [b"", b"\xff"], ids=["nothing", "half a marker"])
@pytest.mark.parametrize("jpeg", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("missing", [10, 60, 200])
def test_a_jpeg_whose_last_pixels_are_missing_is_refused(jpeg: bytes, end: bytes, missing: int) -> None:
    with pytest.raises(BrokenImage, match="ends at byte"):
        anatomy(jpeg[: -2 - missing] + end)


def is_refused(content: bytes) -> bool:
    try:
        anatomy(content)
    except BrokenImage:
        return True
    return False


def samsung(jpeg: bytes) -> bytes:
    """Put in place of the end marker what a Samsung phone puts there: a block, and a directory that names it."""
    block = struct.pack("<HHI", 0, 0x0A01, 8) + b"Panorama" + bytes(40)
    directory = b"SEFH" + struct.pack("<II4xII", 106, 1, len(block), len(block))
    return jpeg[:-2] + block + directory + struct.pack("<I4s", len(directory), b"SEFT")


def test_a_large_panorama_of_samsung_is_taken_without_a_count() -> None:
    noise = Image.effect_noise((2600, 1300), 100)
    jpeg = encoded(noise, "JPEG", quality=98)
    assert len(jpeg) > 2 * MIB

    assert shown(samsung(jpeg)) == shown(jpeg)
    assert is_refused(jpeg[:-2])
    assert public_copy(samsung(jpeg)) == public_copy(jpeg)


def test_a_progressive_jpeg_without_its_end_marker_is_refused_as_nobody_can_count_its_blocks() -> None:
    assert is_refused(still("JPEG", progressive=True)[:-2])


SHORT = {
    "JFIF": jpeg_segment(0xE0, b"JFIF\0"),
    "JFIF without its thumbnail": jpeg_segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1"),
    "an empty APP0": jpeg_segment(0xE0, b""),
    "Adobe": jpeg_segment(0xEE, b"Adobe\0"),
    "Adobe without its transform": jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0"),
    "EXIF": jpeg_segment(0xE1, b"Exif\0\0"),
    "EXIF of a wrong resolution unit": jpeg_segment(
        0xE1,
        b"Exif\0\0II*\0\x08\0\0\0\2\0" + struct.pack("<HHIIHHII", 282, 5, 1, 38, 296, 2, 4, 0x41414141) + bytes(4),
    ),
    "an index of further pictures": jpeg_segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff"),
    "a Photoshop segment": jpeg_segment(0xED, b"Photoshop 3.0\x008BIM\3\xed"),
    "a profile": jpeg_segment(0xE2, b"ICC_PROFILE\0"),
}


@pytest.mark.parametrize("segment", SHORT.values(), ids=SHORT)
def test_a_segment_of_metadata_that_is_short_costs_no_jpeg(segment: bytes) -> None:
    jpeg = still("JPEG")
    plain = jpeg[:2] + jpeg[20:]  # without the JFIF that Pillow writes

    assert shown(jpeg_with(segment, content=plain)) == shown(plain)
    assert shown(jpeg_with(segment, content=jpeg)) == shown(jpeg)


def test_jfif_counts_more_than_adobe_even_at_an_eighth() -> None:
    jpeg = encoded(picture(1600, 1200), "JPEG", progressive=True)
    adobe = jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")

    assert shown(jpeg[:20] + adobe + jpeg[20:]) == shown(jpeg)
