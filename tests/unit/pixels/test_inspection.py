"""The check at the door, on all formats alike: what is taken, what is refused, and what it costs."""

from __future__ import annotations

import io
import random
import re
import tracemalloc
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests import makers
from tests.corpus import CORPUS, HAS_CORPUS, each
from tests.makers import HeifItem, animation, coded, heif, hevc_unit, still
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage, Refused, TooManyFrames, TooManyPixels, UnsupportedFormat
from vignette.limits import MAX_METADATA_BYTES, MIB
from vignette.model import ImageFacts
from vignette.pixels.anatomy import MetadataBlocks
from vignette.pixels.decoder_file import decoder_file, mended_file
from vignette.pixels.formats import HEIC
from vignette.pixels.inspection import inspect, read_anatomy

MANY = 100_000_000
"""A limit that nothing here reaches."""

METADATA = {"exif": b"Exif\0\0" + makers.exif(6), "icc_profile": makers.icc_profile(), "xmp": b"<x/>"}

PICTURES: Mapping[str, bytes] = {
    "JPEG": still("JPEG", 20, 10, **METADATA, comment="hello"),
    "progressive JPEG": still("JPEG", 20, 10, progressive=True),
    "PNG": still("PNG", 20, 10, exif=METADATA["exif"], icc_profile=METADATA["icc_profile"]),
    "palette PNG": still("PNG", 20, 10, "P"),
    "APNG": animation("PNG", 3, 20, 10),
    "GIF": still("GIF", 20, 10, comment="hello"),
    "animated GIF": animation("GIF", 3, 20, 10),
    "lossy WebP": still("WEBP", 20, 10),
    "WebP": still("WEBP", 20, 10, lossless=True, **METADATA),
    "animated WebP": animation("WEBP", 3, 20, 10),
    "AVIF": still("AVIF", 20, 10, **METADATA),
    "AVIF sequence": animation("AVIF", 3, 20, 10),
    "HEIC": heif(coded(), HeifItem(b"Exif", bytes(4) + makers.exif(6), (), {b"cdsc": [1]})),
    "TIFF": still("TIFF", 20, 10),
    "TIFF in LZW": still("TIFF", 20, 10, compression="tiff_lzw"),
    "TIFF in JPEG": still("TIFF", 20, 10, compression="jpeg"),
    "TIFF of pages": animation("TIFF", 3, 20, 10),
    "BMP": still("BMP", 20, 10),
}

each_picture = pytest.mark.parametrize("content", PICTURES.values(), ids=PICTURES.keys())


def inspected(content: bytes, *, max_pixels: int = MANY, max_frames: int = MANY) -> tuple[ImageFacts, MetadataBlocks]:
    return inspect(io.BytesIO(content), len(content), max_pixels=max_pixels, max_frames=max_frames)


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        pytest.param(PICTURES["JPEG"], ImageFacts("image/jpeg", "jpg", 10, 20, 1), id="JPEG, turned by a quarter"),
        pytest.param(PICTURES["PNG"], ImageFacts("image/png", "png", 10, 20, 1), id="PNG, turned by a quarter"),
        pytest.param(PICTURES["APNG"], ImageFacts("image/apng", "png", 20, 10, 3), id="APNG"),
        pytest.param(PICTURES["animated GIF"], ImageFacts("image/gif", "gif", 20, 10, 3), id="GIF"),
        pytest.param(PICTURES["animated WebP"], ImageFacts("image/webp", "webp", 20, 10, 3), id="WebP"),
        pytest.param(PICTURES["AVIF"], ImageFacts("image/avif", "avif", 10, 20, 1), id="AVIF, turned by a quarter"),
        pytest.param(PICTURES["HEIC"], ImageFacts("image/heic", "heic", 64, 48, 1), id="HEIC"),
        pytest.param(heif(brands=(b"mif1",)), ImageFacts("image/heif", "heif", 64, 48, 1), id="HEIF"),
        pytest.param(PICTURES["TIFF of pages"], ImageFacts("image/tiff", "tiff", 20, 10, 3), id="TIFF"),
        pytest.param(PICTURES["BMP"], ImageFacts("image/bmp", "bmp", 20, 10, 1), id="BMP"),
    ],
)
def test_facts_are_those_of_the_upright_picture(content: bytes, facts: ImageFacts) -> None:
    assert inspected(content)[0] == facts


@pytest.mark.parametrize("content", [b"", b"hello", b"<svg/>", b"%PDF-1.7"])
def test_what_is_no_accepted_format_is_refused_with_their_names(content: bytes) -> None:
    with pytest.raises(UnsupportedFormat, match="JPEG, PNG, APNG, GIF, WebP, AVIF, HEIC, HEIF, TIFF, BMP"):
        inspected(content)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        pytest.param(50_000_000, "61.2 megapixels, the limit is 50", id="over"),
        pytest.param(61_199_999, "61,200,000 pixels, the limit is 61,199,999", id="over by a pixel"),
        pytest.param(20_000, "61,200,000 pixels, the limit is 20,000", id="a small limit"),
        pytest.param(61_200_000, None, id="at the limit"),
    ],
)
def test_too_many_pixels_are_told_in_megapixels(limit: int, words: str | None) -> None:
    content = makers.bmp(8_000, 7_650, 1, pixels=bytes(1000 * 7_650))

    if words is None:
        assert inspected(content, max_pixels=limit)[0].width == 8_000
        return
    with pytest.raises(TooManyPixels) as refused:
        inspected(content, max_pixels=limit)
    assert str(refused.value) == words
    assert (refused.value.measured, refused.value.limit) == (61_200_000, limit)


@each_picture
def test_pixels_are_counted_up_to_the_limit(content: bytes) -> None:
    facts, _ = inspected(content)
    pixels = facts.width * facts.height

    assert inspected(content, max_pixels=pixels)[0] == facts
    with pytest.raises(TooManyPixels):
        inspected(content, max_pixels=pixels - 1)


@each_picture
def test_frames_are_counted_up_to_the_limit(content: bytes) -> None:
    facts, _ = inspected(content)

    assert inspected(content, max_frames=facts.frames)[0] == facts
    if facts.frames > 1:
        with pytest.raises(TooManyFrames) as refused:
            inspected(content, max_frames=facts.frames - 1)
        assert (refused.value.measured, refused.value.limit) == (facts.frames, facts.frames - 1)


@each_picture
def test_a_picture_that_is_cut_off_is_refused_or_has_lost_no_pixel(content: bytes) -> None:
    for length in range(len(content)):
        cut = content[:length]
        try:
            inspected(cut)
        except Refused:
            continue
        # A decoder is the judge: the first picture is as it was.
        assert _first_pixels(cut) == _first_pixels(content), f"{length} of {len(content)} bytes"


def _first_pixels(content: bytes) -> bytes:
    file = io.BytesIO(content)
    if content[8:12] == b"heic":  # no decoder can read it: all that is coded has to be there
        return coded().content if coded().content in decoder_file(file, len(content), HEIC).read() else b""
    mended, _ = mended_file(file, len(content), read_anatomy(file, len(content)))
    mended.seek(0)
    with Image.open(mended) as image:
        return image.convert("RGBA").tobytes()


@each_picture
def test_what_is_not_cut_off_by_much_says_where_it_ends(content: bytes) -> None:
    facts, _ = inspected(content)
    half = content[: len(content) // 2]
    if facts.frames == 1:
        with pytest.raises(BrokenImage, match=r"\d"):
            inspected(half)
    else:  # the first frame may be there: a still picture
        with suppress(BrokenImage):
            facts, blocks = inspected(half)
            assert facts.frames == 1
            assert re.search(r"ends at byte \d", "; ".join(blocks.warnings))


@each_picture
def test_a_damaged_byte_never_does_more_than_refuse_the_picture(content: bytes) -> None:
    for at in range(len(content)):
        for value in (0, 0xFF, content[at] ^ 1, content[at] ^ 0x80):
            damaged = bytearray(content)
            damaged[at] = value
            with suppress(Refused):
                inspected(bytes(damaged))


@settings(max_examples=300, deadline=timedelta(seconds=2))
@given(
    content=st.sampled_from(list(PICTURES.values())),
    seed=st.integers(0, 2**32),
    places=st.integers(1, 30),
)
def test_damage_anywhere_never_does_more_than_refuse_the_picture(content: bytes, seed: int, places: int) -> None:
    chance = random.Random(seed)
    damaged = bytearray(content)
    for _ in range(places):
        at = chance.randrange(len(damaged))
        damage = chance.randbytes(chance.choice((1, 2, 4)))
        if chance.random() < 0.5:
            damaged[at : at + len(damage)] = damage
        else:
            damaged[at:at] = damage

    with suppress(Refused):
        inspected(bytes(damaged))


SIGNATURES = [content[:length] for content in PICTURES.values() for length in (12, 40, 100)]


@settings(max_examples=300, deadline=timedelta(seconds=2))
@given(st.sampled_from([b"", *SIGNATURES]), st.binary(max_size=500))
def test_any_bytes_are_read_or_refused(signature: bytes, behind: bytes) -> None:
    with suppress(Refused):
        inspected(signature + behind)


@each_picture
def test_a_file_that_shrinks_while_it_is_read_is_broken(content: bytes) -> None:
    """The size is that of the upload; the file behind it may be damaged by then."""
    with pytest.raises(BrokenImage):
        inspect(io.BytesIO(content[:-30]), len(content), max_pixels=MANY, max_frames=MANY)


def _large_pictures() -> Iterator[tuple[str, bytes]]:
    length = 12 * MIB
    jpeg = still("JPEG")
    yield "JPEG", jpeg[:-2] + b"\x55" * length + jpeg[-2:]
    png = still("PNG")
    yield "PNG", makers.png_with(*[makers.png_chunk(b"prVt", bytes(length // 10))] * 10, content=png)
    yield "GIF", still("GIF")[:-2] + (b"\xff" + bytes(255)) * (length // 256) + b"\0;"
    yield "WebP", makers.webp(still("WEBP")[12:], makers.riff_chunk(b"ABCD", bytes(length)))
    yield "HEIC", heif(HeifItem(content=hevc_unit(bytes(length))))
    yield "TIFF", makers.tiff(makers.tiff_page(4096, 3072), data=bytes(length))
    yield "BMP", makers.bmp(2048, 2048, pixels=bytes(length))


@pytest.mark.parametrize(("name", "content"), list(_large_pictures()), ids=[name for name, _ in _large_pictures()])
def test_memory_stays_flat_whatever_the_size(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with path.open("rb") as file:
        tracemalloc.start()
        try:
            inspect(file, len(content), max_pixels=MANY, max_frames=MANY)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < 2 * MIB


def test_the_position_in_the_file_plays_no_part() -> None:
    content = PICTURES["JPEG"]
    file = io.BytesIO(content)
    file.seek(17)

    assert inspect(file, len(content), max_pixels=MANY, max_frames=MANY) == inspected(content)


def test_damaged_metadata_refuse_nothing() -> None:
    content = makers.jpeg_with(
        makers.jpeg_segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"),
        makers.jpeg_segment(0xE2, b"ICC_PROFILE\0\3\1" + makers.icc_profile()[:50]),
        makers.jpeg_segment(0xED, b"Photoshop 3.0\0damaged"),
    )

    facts, blocks = inspected(content)

    assert (facts.width, facts.height) == (40, 30)
    assert len(blocks.warnings) == 2


ICC = makers.riff_chunk(b"ICCP", makers.icc_profile())
XMP = makers.riff_chunk(b"XMP ", b"<x/>")
WEBP = still("WEBP", 4, 4)[12:]


@pytest.mark.parametrize(
    ("chunks", "warning"),
    [
        pytest.param([ICC, ICC], "a second ICC profile of 200 bytes is left out", id="two profiles"),
        pytest.param([XMP] * 11, "only the first 10 XMP packets are read", id="many packets"),
        pytest.param(
            [makers.riff_chunk(b"XMP ", bytes(MAX_METADATA_BYTES + 1))],
            "chunk 'XMP ' of 16,777,217 bytes is left out: a file's metadata may take 16,777,216 bytes",
            id="a long packet",
        ),
    ],
)
def test_metadata_beyond_measure_are_left_out_with_a_warning(chunks: list[bytes], warning: str) -> None:
    _, blocks = inspected(makers.webp(makers.vp8x(4, 4, flags=0x20), *chunks, WEBP))

    assert blocks.warnings == (warning,)


def test_no_file_gets_more_than_a_hundred_warnings() -> None:
    damaged = (makers.png_chunk(b"iTXt", b"Text %d\0" % number) for number in range(200))

    assert len(inspected(makers.png_with(*damaged))[1].warnings) == 100


@pytest.mark.corpus
@pytest.mark.skipif(not HAS_CORPUS, reason="VIGNETTE_CORPUS names no folder")
@each("accept", "reject", "either")
def test_real_pictures_are_taken_and_hostile_ones_refused(row: dict[str, str]) -> None:
    content = (CORPUS / row["path"]).read_bytes()

    if row["format"] in ("ICO", "JPEG2000", "JXL", "SVG"):
        with pytest.raises(UnsupportedFormat):
            inspected(content, max_frames=1000)
    elif row["expect"] == "reject":
        with pytest.raises(Refused, match=r"\w"):
            inspected(content, max_frames=1000)
    elif row["expect"] == "either":
        with suppress(Refused):
            inspected(content, max_frames=1000)
    else:
        facts, _ = inspected(content, max_frames=1000)
        assert (str(facts.width), str(facts.height)) == (row["width"], row["height"])


@pytest.mark.corpus
@pytest.mark.skipif(not HAS_CORPUS, reason="VIGNETTE_CORPUS names no folder")
def test_a_damaged_icc_profile_of_a_real_picture_is_a_warning() -> None:
    blocks = anatomy((CORPUS / "colour/icc_chunk_double_seq_no.jpeg").read_bytes()).blocks

    assert "the ICC profile is not applied, as in browsers: its 254 chunks are numbered wrongly" in blocks.warnings
