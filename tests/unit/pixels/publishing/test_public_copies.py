"""A public copy looks as the original does, and says nothing else."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from tests import makers
from tests.colours import CASES, cicp, iccp, png
from tests.makers import animation, bmp, heif, jpeg_segment, jpeg_with, png_chunk, png_with, still
from tests.profiles import grey_profile
from tests.unit.pixels.publishing.reading import (
    CLEAN_PROFILE,
    PROFILE,
    clean_profile_of,
    profile_of,
    published,
    seen,
)
from tests.unit.pixels.reading import anatomy
from vignette.errors import NotPublishable, PublicCopyNotClean
from vignette.pixels.metadata import describe
from vignette.pixels.pieces import Pieces, Splice
from vignette.pixels.publishing import PUBLISHABLE, prove, publish
from vignette.pixels.publishing.kept import Kept, kept_of

SECRET = b"SECRET"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/><!-- SECRET -->'


def talkative_exif(orientation: int = 6) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x013B] = orientation, "SECRET artist"
    return exif


def everything(**more: Any) -> dict[str, Any]:
    return {"exif": talkative_exif(), "xmp": XMP, "icc_profile": PROFILE, **more}


def talkative_gif() -> bytes:
    """With XMP, a comment, an extension of its own, and words behind the end."""
    content = animation("GIF", 3, duration=[50, 60, 70], loop=4, comment=b"SECRET")
    screen = 13 + 3 * 2 ** ((content[10] & 7) + 1) if content[10] & 0x80 else 13
    xmp = b"\x21\xff\x0bXMP DataXMP" + XMP + b"\x01" + bytes(range(255, -1, -1)) + b"\0\0"
    own = b"\x21\xff\x0bSECRETAPP10\x06SECRET\0"
    words = b"\x21\x01\x0c" + bytes(12) + b"\x06SECRET\0"
    return content[:screen] + xmp + own + words + content[screen:] + b"SECRET"


def jpeg_with_previews() -> bytes:
    """One of each kind; each has words in it."""
    content = still("JPEG")
    jfif = jpeg_segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\2\1" + SECRET)
    jfxx = jpeg_segment(0xE0, b"JFXX\0\x10" + SECRET)
    resources = b"".join(makers.photoshop_thumbnail(SECRET, number) for number in (0x0409, 0x040C))
    photoshop = jpeg_segment(0xED, b"Photoshop 3.0\0" + resources)
    further = still("JPEG", 8, 6, comment=SECRET)
    return makers.mpo(further, content=content[:2] + jfif + jfxx + photoshop + content[20:])


TALKATIVE: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: still("JPEG", comment=SECRET, **everything()),
    "progressive JPEG": lambda: still("JPEG", progressive=True, comment=SECRET, **everything()),
    "JPEG with restarts": lambda: still("JPEG", restart_marker_rows=1, comment=SECRET, **everything()),
    "grey JPEG": lambda: still("JPEG", mode="L", comment=SECRET, exif=talkative_exif()),
    "JPEG with previews": jpeg_with_previews,
    "CMYK JPEG": lambda: still("JPEG", mode="CMYK", comment=SECRET, exif=talkative_exif()),
    "PNG": lambda: png_with(
        png_chunk(b"tEXt", b"Comment\0SECRET"),
        png_chunk(b"tIME", b"\7\xea\1\1\1\1\1"),
        png_chunk(b"prVt", SECRET),
        content=still("PNG", exif=talkative_exif(), icc_profile=PROFILE, dpi=(300, 300)) + SECRET,
    ),
    "PNG with a palette": lambda: png_with(
        png_chunk(b"zTXt", b"Comment\0\0" + SECRET), content=still("PNG", mode="P", transparency=3)
    ),
    "PNG with alpha": lambda: png_with(
        png_chunk(b"iTXt", b"Comment\0\0\0\0\0SECRET"), content=still("PNG", mode="RGBA")
    ),
    "APNG": lambda: png_with(png_chunk(b"tEXt", b"Comment\0SECRET"), content=animation("PNG", 3, duration=70, loop=2)),
    "GIF": talkative_gif,
    "WebP": lambda: still("WEBP", **everything()) + SECRET,
    "WebP without loss": lambda: still("WEBP", lossless=True, **everything()),
    "WebP with alpha": lambda: still("WEBP", mode="RGBA", **everything()),
    "animated WebP": lambda: animation("WEBP", 3, duration=70, loop=2, **everything()),
    "simple WebP": lambda: still("WEBP") + SECRET,
}


@pytest.mark.parametrize("make", TALKATIVE.values(), ids=TALKATIVE)
def test_one_sees_the_same_and_reads_nothing(make: Callable[[], bytes]) -> None:
    original = make()

    copy = published(original)

    assert SECRET in original
    assert SECRET not in copy
    assert seen(copy) == seen(original)
    assert profile_of(copy) == clean_profile_of(original)
    assert set(describe(anatomy(copy).blocks)) <= {"summary", "exif", "icc"}


@pytest.mark.parametrize("make", TALKATIVE.values(), ids=TALKATIVE)
def test_a_copy_of_a_copy_is_the_same(make: Callable[[], bytes]) -> None:
    copy = published(make())

    assert published(copy) == copy


PREVIEWS = {
    "JPEG": (jpeg_with_previews(), {"JFIFThumbnail", "JFXXThumbnail", "PhotoshopThumbnail", "MPImage2"}),
    "PNG": (png_with(makers.png_raw_profile(b"8bim", makers.photoshop_thumbnail(SECRET))), {"PhotoshopThumbnail"}),
}


@pytest.mark.parametrize(("original", "names"), PREVIEWS.values(), ids=PREVIEWS)
def test_no_preview_is_left(original: bytes, names: set[str]) -> None:
    copy = published(original)

    assert {name for name, _ in anatomy(original).blocks.previews} == names
    assert anatomy(copy).blocks.previews == ()
    assert SECRET not in copy


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_the_copy_is_turned_as_the_original_is(file_format: str, orientation: int) -> None:
    copy = published(still(file_format, exif=talkative_exif(orientation)))

    read = anatomy(copy)
    assert read.orientation == orientation
    assert read.blocks.exif == (None if orientation == 1 else makers.exif(orientation, ">"))


def test_a_picture_that_says_nothing_is_copied_byte_by_byte() -> None:
    for content in (still("JPEG"), still("PNG"), animation("PNG", 3), animation("GIF", 3), still("WEBP")):
        assert published(content) == content


class TestJpeg:
    def test_what_lies_behind_the_picture_is_left_out(self) -> None:
        picture_alone = still("JPEG")

        assert published(picture_alone + b"SECRET" + still("JPEG", 8, 8)) == picture_alone

    def test_the_thumbnail_of_jfif_is_left_out(self) -> None:
        content = still("JPEG")
        assert content[2:4] == b"\xff\xe0"
        thumbnail = b"JFIF\0\1\2\0\0\1\0\1\1\2" + b"SECRET"
        with_thumbnail = content[:2] + jpeg_segment(0xE0, thumbnail) + content[20:]

        copy = published(with_thumbnail)

        assert SECRET not in copy
        assert seen(copy) == seen(with_thumbnail)

    def test_jfxx_and_bytes_between_segments_are_left_out(self) -> None:
        plain = still("JPEG")
        content = plain[:20] + jpeg_segment(0xE0, b"JFXX\0\x10SECRET") + b"SECRET" + plain[20:]

        assert published(content) == plain

    @pytest.mark.parametrize("transform", [0, 1])
    def test_what_adobe_says_of_the_colours_stays_and_no_more(self, transform: int) -> None:
        bare = still("JPEG")
        without_jfif = bare[:2] + bare[20:]
        adobe = b"Adobe\0\x64\0\0\0\0" + bytes([transform])
        content = jpeg_with(jpeg_segment(0xEE, adobe + SECRET), content=without_jfif)

        copy = published(content)

        assert SECRET not in copy
        assert jpeg_segment(0xEE, adobe) in copy
        assert seen(copy) == seen(content)

    @pytest.mark.parametrize(
        "profile",
        [
            pytest.param(PROFILE[:36] + b"none" + PROFILE[40:], id="without its signature"),
            pytest.param(b"\0\1\0\0" + PROFILE[4:], id="longer than it is"),
            pytest.param(PROFILE[:100], id="cut off"),
        ],
    )
    def test_what_no_decoder_takes_for_a_profile_is_left_out(self, profile: bytes) -> None:
        assert profile_of(published(still("JPEG", icc_profile=profile))) is None

    def test_what_lies_behind_a_profile_is_left_out(self) -> None:
        assert profile_of(published(still("JPEG", icc_profile=PROFILE + SECRET))) == CLEAN_PROFILE


class TestPng:
    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            (b"gAMA", b"\0\0\xb1\x8f"),
            (b"sRGB", b"\0"),
            (b"cICP", b"\x09\x10\0\1"),
            (b"sBIT", b"\5\5\5"),
            (b"pHYs", b"\0\0\x0b\x13\0\0\x0b\x13\1"),
            (b"cHRM", bytes(32)),
        ],
    )
    def test_chunks_that_change_the_look_stay(self, kind: bytes, content: bytes) -> None:
        original = png_with(png_chunk(kind, content))

        assert published(original) == original

    @pytest.mark.parametrize("kind", [b"gAMA", b"sRGB", b"pHYs"])
    def test_nothing_hides_behind_what_they_may_hold(self, kind: bytes) -> None:
        assert SECRET not in published(png_with(png_chunk(kind, b"\0" * 33 + SECRET)))

    def test_a_second_chunk_of_a_kind_is_left_out(self) -> None:
        once = png_with(png_chunk(b"gAMA", b"\0\0\xb1\x8f"))

        assert published(png_with(png_chunk(b"gAMA", b"\0\0\xb1\x8f"), png_chunk(b"gAMA", b"MORE"))) == once

    def test_the_name_of_a_profile_and_what_follows_it_are_left_out(self) -> None:
        chunk = png_chunk(b"iCCP", b"SECRET\0\0" + zlib.compress(PROFILE) + SECRET)

        copy = published(png_with(chunk))

        assert SECRET not in copy
        assert profile_of(copy) == CLEAN_PROFILE

    def test_an_animation_that_is_none_is_left_out(self) -> None:
        announced = png_with(png_chunk(b"acTL", b"\0\0\0\5\0\0\0\0"))

        assert published(announced) == still("PNG")

    def test_the_content_of_the_last_chunk_is_left_out(self) -> None:
        content = still("PNG")[:-12] + png_chunk(b"IEND", SECRET)

        assert published(content) == still("PNG")


class TestColours:
    """What says the colours stays, and what browsers do not take for it goes."""

    @pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.media_type != "image/avif"])
    def test_the_copy_has_the_same_colours(self, name: str) -> None:
        original = CASES[name].content()

        copy = published(original)

        clean, colour = clean_profile_of(original), anatomy(original).colour
        assert anatomy(copy).colour == (clean if isinstance(colour, bytes) else colour)
        assert anatomy(copy).profile == clean
        assert published(copy) == copy

    def test_a_profile_that_is_a_text_is_left_out(self) -> None:
        text = makers.png_raw_profile(b"icc", PROFILE)

        assert published(png_with(text)) == still("PNG")

    @pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
    def test_a_profile_of_another_colour_model_goes(self, file_format: str) -> None:
        copy = published(still(file_format, icc_profile=grey_profile(1.0)))

        assert anatomy(copy).blocks.icc is None

    def test_a_profile_behind_a_cicp_stays_for_older_browsers(self) -> None:
        copy = published(png(cicp(12, 13), iccp(PROFILE)))

        assert anatomy(copy).blocks.icc == CLEAN_PROFILE
        assert anatomy(copy).colour == anatomy(png(cicp(12, 13))).colour

    def test_a_copy_of_other_colours_is_refused(self) -> None:
        original, other = png(cicp(12, 13)), png(cicp(9, 16))
        everything = Pieces()
        everything.copy(0, len(other))

        with pytest.raises(PublicCopyNotClean, match="not the picture"):
            prove(Splice(io.BytesIO(other), everything, closes_source=True), anatomy(original), Kept(1, None))


class TestWebp:
    def test_unknown_chunks_are_left_out_between_and_within_frames(self) -> None:
        content = animation("WEBP", 2, duration=70)
        at = content.index(b"ANMF")
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        extra = makers.riff_chunk(b"ABCD", SECRET)
        frame = b"ANMF" + (length + len(extra)).to_bytes(4, "little") + content[at + 8 : at + 8 + length] + extra
        body = content[12:at] + extra + frame + content[at + 8 + length :]
        hiding = makers.webp(body)

        copy = published(hiding)

        assert SECRET in hiding
        assert copy == content
        assert seen(copy) == seen(hiding)


class TestGif:
    def test_the_profile_stays(self) -> None:
        plain = still("GIF", mode="P")
        pieces = [CLEAN_PROFILE[at : at + 255] for at in range(0, len(CLEAN_PROFILE), 255)]
        blocks = b"".join(bytes([len(piece)]) + piece for piece in pieces)
        start = 13 + 3 * 2 ** ((plain[10] & 7) + 1)
        content = plain[:start] + b"\x21\xff\x0bICCRGBG1012" + blocks + b"\0" + plain[start:]

        assert published(content) == content
        assert anatomy(content).blocks.icc == CLEAN_PROFILE

    def test_nothing_hides_behind_the_loop_or_the_timing(self) -> None:
        content = animation("GIF", 2, duration=70, loop=3)
        loop, control = content.index(b"\x03\x01\x03\0\0"), content.index(b"\x21\xf9\x04")
        assert loop < control
        hidden = b"\x06SECRET"
        hiding = content[: loop + 4] + hidden + content[loop + 4 : control + 7] + hidden + content[control + 7 :]

        assert hiding.count(SECRET) == 2
        assert published(hiding) == content


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(still("TIFF"), "TIFF", id="TIFF"),
        pytest.param(bmp(4, 3, pixels=bytes(36)), "BMP", id="BMP"),
        pytest.param(heif(), "HEIC", id="HEIC"),
        pytest.param(still("AVIF"), "AVIF", id="AVIF"),
    ],
)
def test_other_formats_are_refused_by_name(content: bytes, name: str) -> None:
    with pytest.raises(NotPublishable, match=name):
        publish(io.BytesIO(content), len(content))


def test_a_copy_that_is_another_picture_is_refused() -> None:
    content = still("JPEG")

    with (
        publish(io.BytesIO(content), len(content), orientation=3) as turned,
        pytest.raises(PublicCopyNotClean, match="not the picture"),
    ):
        prove(turned, anatomy(content), Kept(1, None))


def test_a_copy_may_be_turned_another_way() -> None:
    content = still("JPEG", exif=talkative_exif(3))

    with publish(io.BytesIO(content), len(content), orientation=8) as copy:
        assert anatomy(copy.read()).orientation == 8


def test_a_copy_that_is_no_picture_is_refused() -> None:
    content = still("JPEG")
    all_but_its_end = Pieces()
    all_but_its_end.copy(0, len(content) - 2)

    with pytest.raises(PublicCopyNotClean, match="no sound picture"):
        prove(Splice(io.BytesIO(content), all_but_its_end, closes_source=True), anatomy(content), Kept(1, None))


@pytest.mark.parametrize("content", [still("JPEG", comment=SECRET), jpeg_with_previews()], ids=["text", "previews"])
def test_a_copy_that_says_more_is_refused(content: bytes) -> None:
    everything = Pieces()
    everything.copy(0, len(content))
    original = anatomy(content)

    with pytest.raises(PublicCopyNotClean, match=r"still (holds|reveals)"):
        prove(Splice(io.BytesIO(content), everything, closes_source=True), original, kept_of(original, None))


def test_those_that_can_be_copied_are_told() -> None:
    assert [file_format.name for file_format in PUBLISHABLE] == ["JPEG", "PNG", "APNG", "GIF", "WebP"]
