"""Small pictures that a file holds beside its picture, elsewhere than in EXIF, are noted with their length."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from tests.makers import (
    jpeg_segment,
    jpeg_with,
    mpo,
    photoshop,
    photoshop_resource,
    photoshop_thumbnail,
    png_raw_profile,
    png_with,
    still,
    tiff,
    tiff_page,
)
from tests.unit.pixels.reading import anatomy
from vignette.pixels.anatomy import MetadataBlocks
from vignette.pixels.containers.collector import MAX_PREVIEWS

APP0, APP2, APP13 = 0xE0, 0xE2, 0xED
IPTC_TAG, PHOTOSHOP_TAG = 33723, 34377
IPTC = b"\x1c\2\x78\0\1x"
THUMBNAIL = b"\xff\xd8 small \xff\xd9"
LENGTH = len(THUMBNAIL)


def jfif(width: int, height: int, content: bytes) -> bytes:
    return jpeg_segment(APP0, b"JFIF\0\1\2\0\0\1\0\1" + bytes([width, height]) + content)


def app13(*resources: bytes) -> bytes:
    return jpeg_with(jpeg_segment(APP13, b"Photoshop 3.0\0" + b"".join(resources)))


def page(tags: dict[int, bytes]) -> bytes:
    return tiff(tiff_page(tags=tags), data=bytes(12))


def blocks(content: bytes) -> MetadataBlocks:
    return anatomy(content).blocks


@pytest.mark.parametrize(
    ("content", "preview"),
    [
        pytest.param(jpeg_with(jfif(2, 3, bytes(18))), ("JFIFThumbnail", 18), id="JFIF"),
        pytest.param(jpeg_with(jfif(9, 9, bytes(18))), ("JFIFThumbnail", 18), id="JFIF that is cut short"),
        pytest.param(
            jpeg_with(jpeg_segment(APP0, b"JFXX\0\x10" + THUMBNAIL)), ("JFXXThumbnail", LENGTH), id="extension of JFIF"
        ),
        pytest.param(app13(photoshop_thumbnail(THUMBNAIL)), ("PhotoshopThumbnail", LENGTH), id="Photoshop"),
        pytest.param(app13(photoshop_thumbnail(THUMBNAIL, 0x0409)), ("PhotoshopThumbnail", LENGTH), id="Photoshop 4"),
        pytest.param(
            app13(photoshop(IPTC), photoshop_thumbnail(THUMBNAIL)), ("PhotoshopThumbnail", LENGTH), id="behind IPTC"
        ),
        pytest.param(
            app13(photoshop_thumbnail(THUMBNAIL)[:-4]), ("PhotoshopThumbnail", LENGTH - 3), id="Photoshop, cut short"
        ),
        pytest.param(
            png_with(png_raw_profile(b"8bim", photoshop_thumbnail(THUMBNAIL))), ("PhotoshopThumbnail", LENGTH), id="PNG"
        ),
        pytest.param(page({PHOTOSHOP_TAG: photoshop_thumbnail(THUMBNAIL)}), ("PhotoshopThumbnail", LENGTH), id="TIFF"),
        pytest.param(
            page({PHOTOSHOP_TAG: photoshop(IPTC) + photoshop_thumbnail(THUMBNAIL), IPTC_TAG: IPTC}),
            ("PhotoshopThumbnail", LENGTH),
            id="TIFF with IPTC of its own",
        ),
        pytest.param(mpo(THUMBNAIL), ("MPImage2", LENGTH), id="MPO"),
        pytest.param(mpo(THUMBNAIL)[:-4], ("MPImage2", LENGTH - 4), id="MPO that is cut short"),
    ],
)
def test_a_preview_is_noted(content: bytes, preview: tuple[str, int]) -> None:
    found = blocks(content)

    assert found.previews == (preview,)
    assert found.warnings == ()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(still("JPEG"), id="JFIF without one"),
        pytest.param(jpeg_with(jfif(2, 0, b"words")), id="JFIF of no pixels"),
        pytest.param(jpeg_with(jfif(2, 3, b"")), id="JFIF that lacks its pixels"),
        pytest.param(jpeg_with(jpeg_segment(APP0, b"JFXX\0\x10")), id="an extension of JFIF without content"),
        pytest.param(jpeg_with(jpeg_segment(APP0, b"JF")), id="a short segment"),
        pytest.param(jpeg_with(jpeg_segment(APP0, b"")), id="an empty segment"),
        pytest.param(app13(photoshop(IPTC)), id="Photoshop resources without one"),
        pytest.param(app13(photoshop_resource(0x040C, bytes(28))), id="a Photoshop thumbnail without content"),
        pytest.param(mpo(THUMBNAIL)[:-LENGTH], id="an index of a picture that was cut off"),
        pytest.param(mpo(), id="an index of one picture"),
    ],
)
def test_what_is_not_there_is_not_noted(content: bytes) -> None:
    found = blocks(content)

    assert found.previews == ()
    assert found.warnings == ()


def test_the_pictures_of_a_real_mpo_are_noted() -> None:
    made = io.BytesIO()
    others = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green")]
    Image.new("RGB", (8, 8)).save(made, "MPO", save_all=True, append_images=others)

    found = blocks(made.getvalue())

    assert [name for name, _ in found.previews] == ["MPImage2", "MPImage3"]
    assert sum(length for _, length in found.previews) < len(made.getvalue())


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(b"II", id="no header"),
        pytest.param(b"II*\0\xff\xff\xff\xff", id="a directory that is not there"),
        pytest.param(b"II*\0\0\0\0\0", id="a directory within the header"),
        pytest.param(
            b"II" + struct.pack("<HIHHHIII", 42, 8, 1, 0xB002, 7, 0xFFFFFFF0, 26, 0), id="a list that is not there"
        ),
    ],
)
def test_a_damaged_index_of_pictures_is_a_warning(index: bytes) -> None:
    found = blocks(jpeg_with(jpeg_segment(APP2, b"MPF\0" + index)))

    assert found.previews == ()
    assert [warning.partition(":")[0] for warning in found.warnings] == ["the index of further pictures is damaged"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(mpo(*[THUMBNAIL] * 1000), id="pictures"),
        pytest.param(jpeg_with(*[jpeg_segment(APP0, b"JFXX\0\x10x")] * 1000), id="segments"),
        pytest.param(app13(photoshop_thumbnail(b"x") * 1000), id="resources"),
    ],
)
def test_a_bounded_number_of_them_is_noted(content: bytes) -> None:
    found = blocks(content)

    assert len(found.previews) == MAX_PREVIEWS
    assert f"only the first {MAX_PREVIEWS} previews are told of" in found.warnings


def test_only_the_first_index_of_pictures_is_read() -> None:
    indexed = mpo(THUMBNAIL)
    (length,) = struct.unpack_from(">H", indexed, 4)

    assert len(blocks(jpeg_with(indexed[2 : 4 + length], content=indexed)).previews) == 1
