"""Bytes that no pixel needs are not in a public copy, wherever a file has room for them; or there is no copy."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from tests.makers import animation, jpeg_segment, png_chunk, riff_chunk, still, webp
from tests.unit.pixels.publishing.reading import published, seen
from vignette.errors import NotPublishable

SECRET = b"SECRET"


def noise(file_format: str, mode: str = "L", **options: object) -> bytes:
    content = io.BytesIO()
    Image.effect_noise((64, 48), 90).convert(mode).save(content, file_format, **options)
    return content.getvalue()


def png(data: bytes, *chunks: bytes, colour_type: int = 0, width: int = 4, height: int = 4) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


ROWS = b"\0\1\2\3\0" * 4
DATA = zlib.compress(ROWS)
PALETTE = png_chunk(b"PLTE", bytes(range(12)))


def apng_with_tail() -> bytes:
    """The second frame's data have words behind their end."""
    content = animation("PNG", 2, duration=70)
    at = content.rindex(b"fdAT") - 4
    (length,) = struct.unpack_from(">I", content, at)
    longer = png_chunk(b"fdAT", content[at + 8 : at + 8 + length] + SECRET)
    return content[:at] + longer + content[at + 12 + length :]


def jpeg_with_tail(**options: object) -> bytes:
    content = noise("JPEG", quality=90, **options)
    return content[:-2] + SECRET + content[-2:]


def jpeg_with_tail_in_each_interval() -> bytes:
    content = noise("JPEG", quality=90, restart_marker_blocks=4)
    assert re.search(rb"\xff[\xd0-\xd7]", content)
    return re.sub(rb"(?=\xff[\xd0-\xd7])", SECRET, content)


def jpeg_with_tail_in_each_scan() -> bytes:
    """Behind the first scan, and before the tables of the next one."""
    content = noise("JPEG", "RGB", quality=90, progressive=True)
    first = content.index(b"\xff\xda")
    following = re.compile(rb"\xff[\xc4\xda]").search(content, first + 2)
    assert following
    return content[: following.start()] + SECRET + content[following.start() :]


def behind_start(content: bytes, *segments: bytes) -> bytes:
    return content[:2] + b"".join(segments) + content[2:]


def gif_with_tail(hidden: bytes) -> bytes:
    """Words in further sub-blocks of a frame, behind the code that ends it."""
    content = noise("GIF")
    assert content.endswith(b"\0;")
    return content[:-2] + bytes([len(hidden)]) + hidden + content[-2:]


def webp_frame_with_odd_chunk() -> bytes:
    """Words in the place of the zeros that fill up odd chunks, and in the reserved bits of the header."""
    simple = still("WEBP")
    length = int.from_bytes(simple[16:20], "little")
    picture = simple[20 : 20 + length]
    odd = picture if length % 2 else picture + b"\0"
    vp8x = riff_chunk(b"VP8X", b"\0SEC" + b"\x27\0\0\x1d\0\0")
    return webp(vp8x + b"VP8 " + struct.pack("<I", len(odd)) + odd + b"S" + riff_chunk(b"SECR", b"SECRET"))


CUT: dict[str, Callable[[], bytes]] = {
    "PNG: behind the picture data": lambda: png(DATA + SECRET),
    "PNG: in a chunk of data of its own": lambda: png(DATA).replace(
        png_chunk(b"IEND", b""), png_chunk(b"IDAT", SECRET) + png_chunk(b"IEND", b"")
    ),
    "APNG: behind the data of a frame": apng_with_tail,
    "PNG: a transparency too long for grey": lambda: png(DATA, png_chunk(b"tRNS", b"\0\1" + SECRET)),
    "PNG: a transparency of more colours than there are": lambda: png(
        DATA, PALETTE, png_chunk(b"tRNS", b"\0\1\2\3" + SECRET), colour_type=3
    ),
    "PNG: a palette of grey pixels": lambda: png(DATA, png_chunk(b"PLTE", SECRET), png_chunk(b"bKGD", b"\0\1")),
    "PNG: sBIT of another colour type": lambda: png(DATA, png_chunk(b"sBIT", b"SEC\1")),
    "PNG: behind the data": lambda: png(DATA).replace(
        png_chunk(b"IEND", b""), png_chunk(b"cLLI", b"SECRET12") + png_chunk(b"IEND", b"")
    ),
    "JPEG: behind the scan": jpeg_with_tail,
    "JPEG: behind the scan of three components": lambda: jpeg_with_tail(subsampling=2),
    "JPEG: behind the last scan": lambda: jpeg_with_tail(progressive=True),
    "JPEG: behind the first scan": jpeg_with_tail_in_each_scan,
    "JPEG: behind each interval": jpeg_with_tail_in_each_interval,
    "JPEG: DNL": lambda: behind_start(noise("JPEG"), jpeg_segment(0xDC, SECRET)),
    "JPEG: a table that no component reads": lambda: behind_start(
        noise("JPEG"), jpeg_segment(0xDB, b"\3" + (SECRET * 11)[:64])
    ),
    "JPEG: a table that is replaced before it is read": lambda: behind_start(
        noise("JPEG"), jpeg_segment(0xDB, b"\0" + (SECRET * 11)[:64])
    ),
    "JPEG: codes that no scan reads": lambda: behind_start(
        noise("JPEG"), jpeg_segment(0xC4, b"\x13" + bytes(7) + b"\6" + bytes(8) + SECRET)
    ),
    "JPEG: what decoders skip of Adobe's segment": lambda: behind_start(
        noise("JPEG"), jpeg_segment(0xEE, b"AdobeSECRET\1")
    ),
    "GIF: behind the codes of a frame": lambda: gif_with_tail(SECRET),
    "GIF: more than a window behind them": lambda: gif_with_tail(SECRET * 40),
    "WebP: between its chunks": webp_frame_with_odd_chunk,
}


@pytest.mark.parametrize("name", CUT)
def test_it_is_cut_off(name: str) -> None:
    hiding = CUT[name]()

    copy = published(hiding)

    assert b"SEC" in hiding
    assert b"SEC" not in copy
    assert [frame[2:4] for frame in seen(copy)["frames"]] == [frame[2:4] for frame in seen(hiding)["frames"]]
    assert published(copy) == copy


def test_a_chunk_that_decoders_skip_for_its_checksum_is_left_out() -> None:
    assert published(png(DATA, png_chunk(b"gAMA", b"SECR")[:-4] + b"SECR")) == png(DATA)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(png(zlib.compress(ROWS + SECRET)), "more than the pixels", id="PNG: rows that nobody sees"),
        pytest.param(
            behind_start(noise("JPEG"), jpeg_segment(0xDD, b"\0\0" + SECRET)), "should hold 2 bytes", id="JPEG: DRI"
        ),
        pytest.param(
            behind_start(noise("JPEG"), jpeg_segment(0xDB, b"\0" + bytes(64) + SECRET)), "no table", id="JPEG: DQT"
        ),
        pytest.param(
            behind_start(noise("JPEG"), jpeg_segment(0xC4, b"\x13" + bytes(16) + SECRET)), "no table", id="JPEG: DHT"
        ),
    ],
)
def test_what_cannot_be_cut_off_has_no_copy(content: bytes, told: str) -> None:
    with pytest.raises(NotPublishable, match=told):
        published(content)


def test_a_scan_that_is_damaged_has_no_copy() -> None:
    content = bytearray(noise("JPEG", quality=90))
    start = content.index(b"\xff\xda") + 10
    content[start + 5 : -2] = bytes(b"\xff\0" * ((len(content) - start - 7) // 2))

    with pytest.raises(NotPublishable, match="damaged"):
        published(bytes(content))
