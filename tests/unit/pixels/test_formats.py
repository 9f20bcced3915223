"""A format is told from the first bytes of a file; what is not on the list is none."""

from __future__ import annotations

import pytest

from tests import makers
from vignette.pixels.formats import (
    ACCEPTED_FORMATS,
    APNG,
    AVIF,
    BMP,
    GIF,
    HEAD_BYTES,
    HEIC,
    HEIF,
    JPEG,
    PNG,
    TIFF,
    WEBP,
    Format,
    sniff,
)


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    return makers.box(b"ftyp", major, bytes(4), *compatible)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(makers.still("JPEG"), JPEG, id="JPEG"),
        pytest.param(makers.still("PNG"), PNG, id="PNG"),
        pytest.param(makers.animation("PNG", 2), APNG, id="APNG"),
        pytest.param(makers.still("GIF"), GIF, id="GIF87a"),
        pytest.param(makers.still("GIF", comment="hello"), GIF, id="GIF89a"),
        pytest.param(makers.still("WEBP"), WEBP, id="WebP"),
        pytest.param(makers.still("AVIF"), AVIF, id="AVIF"),
        pytest.param(makers.animation("AVIF", 2), AVIF, id="AVIF sequence"),
        pytest.param(makers.still("TIFF"), TIFF, id="TIFF, little-endian"),
        pytest.param(makers.tiff(order=">"), TIFF, id="TIFF, big-endian"),
        pytest.param(makers.tiff(is_big=True), TIFF, id="BigTIFF, little-endian"),
        pytest.param(makers.tiff(order=">", is_big=True), TIFF, id="BigTIFF, big-endian"),
        pytest.param(makers.still("BMP"), BMP, id="BMP"),
        pytest.param(makers.bmp(1, 1, header=12, pixels=bytes(4)), BMP, id="BMP of OS/2"),
    ],
)
def test_a_format_is_told_by_its_signature(head: bytes, expected: Format) -> None:
    assert sniff(head[:HEAD_BYTES]) is expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(ftyp(b"avif", b"mif1"), AVIF, id="avif"),
        pytest.param(ftyp(b"avis", b"msf1"), AVIF, id="avis"),
        pytest.param(ftyp(b"heic", b"mif1"), HEIC, id="heic"),
        pytest.param(ftyp(b"heix"), HEIC, id="heix: 10 bits"),
        pytest.param(ftyp(b"hevc", b"msf1"), HEIC, id="hevc: a sequence"),
        pytest.param(ftyp(b"mif1", b"mif1", b"heic"), HEIC, id="mif1, compatible with heic"),
        pytest.param(ftyp(b"mif1", b"miaf", b"avif"), AVIF, id="mif1, compatible with avif"),
        pytest.param(ftyp(b"msf1", b"msf1", b"hevc"), HEIC, id="msf1, compatible with hevc"),
        pytest.param(ftyp(b"mif1", b"miaf"), HEIF, id="mif1, of no codec"),
        pytest.param(ftyp(b"MA1B", b"avif", b"mif1"), AVIF, id="a profile of AV1, compatible with avif"),
        pytest.param(ftyp(b"MA1A", b"mif1", b"avif"), AVIF, id="another profile, which names avif last"),
        pytest.param(ftyp(b"miaf", b"mif1", b"heic"), HEIC, id="miaf, compatible with heic"),
        pytest.param(ftyp(b"mif2", b"mif1", b"heix"), HEIC, id="mif2, compatible with heix"),
        pytest.param(ftyp(b"abcd", b"heic"), HEIC, id="a brand that nobody knows, compatible with heic"),
        pytest.param(ftyp(b"miaf", b"mif1"), HEIF, id="miaf, of no codec"),
        pytest.param(ftyp(b"miaf"), None, id="miaf, compatible with nothing"),
        pytest.param(ftyp(b"isom", b"avif"), None, id="a film with a cover"),
        pytest.param(ftyp(b"isom", b"mp42"), None, id="an MP4 film"),
        pytest.param(ftyp(b"qt  "), None, id="a QuickTime film"),
        pytest.param(ftyp(b"crx ", b"isom"), None, id="a Canon camera raw, CR3"),
        pytest.param(ftyp(b"mp42", b"heic"), None, id="a film that is compatible with heic"),
    ],
)
def test_heif_is_told_by_its_brands(head: bytes, expected: Format | None) -> None:
    assert sniff(head) is expected


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xd8", id="a JPEG cut off in its signature"),
        pytest.param(b"hello, world", id="text"),
        pytest.param(b'<svg xmlns="http://www.w3.org/2000/svg"/>', id="SVG"),
        pytest.param(b"%PDF-1.7\n", id="PDF"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n", id="EPS"),
        pytest.param(b"push graphic-context\n", id="MVG"),
        pytest.param(b"8BPS\0\1", id="PSD"),
        pytest.param(b"\0\0\1\0\1\0", id="ICO"),
        pytest.param(b"\0\0\0\x0cjP  \r\n\x87\n", id="JPEG 2000"),
        pytest.param(b"\xff\x0a", id="JPEG XL, bare"),
        pytest.param(b"\0\0\0\x0cJXL \r\n\x87\n", id="JPEG XL, in boxes"),
        pytest.param(b"II*\0\x10\0\0\0CR\2\0", id="a Canon camera raw, CR2"),
        pytest.param(b"IIU\0\x18\0\0\0", id="a Panasonic camera raw"),
        pytest.param(b"RIFF\x24\0\0\0WAVEfmt ", id="WAVE"),
        pytest.param(b"BMW is a maker of cars", id="text that begins with BM"),
    ],
)
def test_what_is_not_on_the_list_is_no_format(head: bytes) -> None:
    assert sniff(head) is None


def test_a_png_with_much_before_its_animation_counts_as_png_until_it_is_parsed() -> None:
    animated = makers.animation("PNG", 2)
    crowded = makers.png_with(makers.png_chunk(b"tEXt", b"Comment\0" + bytes(HEAD_BYTES)), content=animated)

    assert sniff(crowded[:HEAD_BYTES]) is PNG


def test_every_accepted_format_has_an_image_type_and_an_extension_of_its_own_kind() -> None:
    assert all(accepted.media_type.startswith("image/") for accepted in ACCEPTED_FORMATS)
    assert {accepted.extension for accepted in ACCEPTED_FORMATS} == {
        "jpg",
        "png",
        "gif",
        "webp",
        "avif",
        "heic",
        "heif",
        "tiff",
        "bmp",
    }
