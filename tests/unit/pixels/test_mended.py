"""Pictures that are damaged, and have all of their pixels: they are taken, shown like sound ones, and tell of it."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from tests.makers import (
    box,
    clap,
    colr,
    encoded,
    full_box,
    heif,
    icc_profile,
    jpeg_segment,
    jpeg_with,
    picture,
    still,
)
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage
from vignette.limits import MIB
from vignette.pixels.decoder_file import decoder_file
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


def boxes(content: bytes) -> Iterator[bytes]:
    while content:
        (length,) = struct.unpack_from(">I", content)
        yield content[:length]
        content = content[length:]


def kinds(content: bytes) -> list[bytes]:
    return [each[4:8] for each in boxes(content)]


def avif_with(change: Callable[[list[bytes]], list[bytes]], content: bytes) -> bytes:
    """Make an AVIF whose `meta` box has the boxes that *change* makes of those of *content*. It stands at the end."""
    (meta,) = (each for each in boxes(content) if each[4:8] == b"meta")
    return content.replace(b"meta", b"free", 1) + full_box(b"meta", *change(list(boxes(meta[12:]))))


def within(meta: list[bytes], kind: bytes, change: Callable[[bytes], bytes]) -> list[bytes]:
    return [box(kind, change(each[8:])) if each[4:8] == kind else each for each in meta]


def halves(iprp: bytes) -> bytes:
    """Make two tables of associations of one."""
    ipco, ipma = boxes(iprp)
    assert ipma[:16] == struct.pack(">I4sII", len(ipma), b"ipma", 0, 1), "one item, and one byte for each property"
    number, count, entries = ipma[16:18], ipma[18], ipma[19:]
    first, second = struct.pack(">I", 1) + number + bytes([count]) + entries, struct.pack(">I", 0)
    return ipco + full_box(b"ipma", second) + full_box(b"ipma", first)


def with_property(*added: bytes) -> Callable[[bytes], bytes]:
    """Give properties more to the first item."""

    def change(iprp: bytes) -> bytes:
        ipco, ipma = boxes(iprp)
        first = len(kinds(ipco[8:])) + 1
        count, rest = ipma[18], ipma[19:]
        numbers = bytes(range(first, first + len(added)))
        associations = ipma[8:18] + bytes([count + len(added)]) + rest[:count] + numbers + rest[count:]
        return box(b"ipco", ipco[8:], *added) + box(b"ipma", associations)

    return change


NCLX = box(b"colr", b"nclx", struct.pack(">HHHB", 1, 13, 6, 0x80))
AVIFS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "boxes in another order": lambda meta: meta[::-1],
    "no handler": lambda meta: [each for each in meta if each[4:8] != b"hdlr"],
    "two tables of associations": lambda meta: within(meta, b"iprp", halves),
    "several colours": lambda meta: within(meta, b"iprp", with_property(NCLX, NCLX)),
    "several profiles": lambda meta: within(meta, b"iprp", with_property(colr(icc_profile()), colr(icc_profile(300)))),
    "a colour of no kind": lambda meta: within(meta, b"iprp", with_property(box(b"colr"))),
    "groups that are broken": lambda meta: [*meta, box(b"grpl", box(b"altr", b"x"))],
}


@pytest.mark.parametrize("change", AVIFS.values(), ids=AVIFS)
def test_an_avif_of_odd_boxes_is_shown(change: Callable[[list[bytes]], list[bytes]]) -> None:
    plain = still("AVIF")

    assert shown(avif_with(change, plain)) == shown(plain)


@pytest.mark.parametrize("content", [b"", b"\0\0\0\0", b"\0\0\0\6Exif\0\0", b"\xff\xff\xff\xffII*\0"], ids=repr)
def test_exif_that_is_broken_costs_no_avif(content: bytes) -> None:
    described = Image.Exif()
    described[0x010E] = "a description"
    plain = still("AVIF", exif=described.tobytes())
    block = anatomy(plain).blocks.exif
    assert block is not None
    at = plain.index(block) - 4  # before it stands how far it is
    broken = plain[:at] + content.ljust(4 + len(block), b"\0") + plain[at + 4 + len(block) :]

    assert shown(broken) == shown(plain)


@pytest.mark.parametrize("brand", [b"MA1B", b"miaf", b"mif2", b"abcd"])
def test_an_avif_is_shown_whatever_brand_comes_first(brand: bytes) -> None:
    plain = still("AVIF")

    assert shown(plain[:8] + brand + plain[12:]) == shown(plain)


@pytest.mark.parametrize(
    "trailer", [b"a text, which begins like a box", box(b"ftyp", b"mp42"), box(b"uuid", bytes(99))]
)
@pytest.mark.parametrize("content", [still("AVIF"), heif()], ids=["AVIF", "HEIC"])
def test_no_decoder_of_boxes_sees_what_is_behind_the_picture(content: bytes, trailer: bytes) -> None:
    damaged = content + trailer
    given = decoder_file(io.BytesIO(damaged), len(damaged), anatomy(damaged).format).read()

    assert set(kinds(given)) <= {b"ftyp", b"free", b"mdat", b"meta"}
    assert trailer[8:] not in given or trailer[4:8] == b"uuid"


def test_the_data_of_an_avif_may_end_with_the_file() -> None:
    plain = still("AVIF")
    at = plain.index(b"mdat")

    assert shown(plain[: at - 4] + bytes(4) + plain[at:]) == shown(plain)


def test_the_alpha_of_an_avif_is_kept() -> None:
    plain = still("AVIF", mode="RGBA")
    image = picture(mode="RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    transparent = encoded(image, "AVIF")

    assert shown(transparent) != shown(plain)
    assert shown(transparent)[3] < 10
    assert shown(avif_with(lambda meta: meta[::-1], transparent)) == shown(transparent)


@pytest.mark.parametrize(
    ("aperture", "shown_part"),
    [
        (clap(20, 16), (10, 7, 30, 23)),
        (box(b"clap", struct.pack(">6IiI", 20, 1, 10, 1, 5, 1, -10, 1)), (15, 0, 35, 10)),
    ],
    ids=["in the middle", "at the upper edge"],
)
def test_an_avif_is_cropped_to_its_clean_aperture(aperture: bytes, shown_part: tuple[int, int, int, int]) -> None:
    plain = still("AVIF", quality=100, subsampling="4:4:4")
    cropped = avif_with(lambda meta: within(meta, b"iprp", with_property(aperture)), plain)
    with Image.open(io.BytesIO(plain)) as image:
        expected = image.crop(shown_part)

    assert anatomy(cropped).upright_size == expected.size
    assert shown(cropped) == shown(encoded(expected, "PNG"))
