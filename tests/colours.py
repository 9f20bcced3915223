"""
Small pictures that tell their colours in every way that browsers heed, and what Chromium 156 shows of each.

`tests/browser/test_colours.py` holds the values to the Chromium of this machine.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from tests import makers
from tests.makers import encoded, jpeg_segment, jpeg_with, png_chunk, riff_chunk
from tests.profiles import DISPLAY_P3, SRGB, SWAPPED, grey_profile, rgb_profile
from vignette.pixels.formats import PNG_SIGNATURE

Pixel = tuple[int, ...]

COLOUR: Pixel = (200, 100, 55)
GREY: Pixel = (128,)
SIZE = 32, 16

P3_POINTS = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
SRGB_POINTS = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def png(
    *chunks: bytes, pixel: Pixel = COLOUR, right: Pixel | None = None, colour_type: int = 2, bits: int = 8
) -> bytes:
    """
    Make a PNG whose left half is of one *pixel* (samples of 8 bits), and the *right* of another, if there is one.

    The palette of an indexed one has *pixel* and *right*; grey is *pixel*'s first sample; alpha is full.
    """
    left, other = (_stored(colours, colour_type) for colours in (pixel, right or pixel))
    palette = b""
    if colour_type == 3:
        palette = png_chunk(b"PLTE", bytes(pixel) + bytes(right or pixel))
        left, other = (0,), (1,)
    row = [*left * (SIZE[0] // 2), *other * (SIZE[0] // 2)]
    data = struct.pack(f">{len(row)}H", *(257 * sample for sample in row)) if bits == 16 else bytes(row)
    header = struct.pack(">IIBBBBB", *SIZE, bits, colour_type, 0, 0, 0)
    parts = [png_chunk(b"IHDR", header), *chunks, palette, png_chunk(b"IDAT", zlib.compress((b"\0" + data) * SIZE[1]))]
    return PNG_SIGNATURE + b"".join(parts) + png_chunk(b"IEND")


def _stored(pixel: Pixel, colour_type: int) -> Pixel:
    colours = pixel[:3] if colour_type in (2, 6) else pixel[:1]
    return (*colours, 255) if colour_type in (4, 6) else colours


def cicp(primaries: int, transfer: int, matrix: int = 0, full: int = 1) -> bytes:
    return png_chunk(b"cICP", bytes([primaries, transfer, matrix, full]))


def gama(gamma: int) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", gamma))


def chrm(*points: int) -> bytes:
    return png_chunk(b"cHRM", struct.pack(">8I", *points))


def srgb(intent: int = 0) -> bytes:
    return png_chunk(b"sRGB", bytes([intent]))


def iccp(profile: bytes, name: bytes = b"a profile", method: int = 0, cut: int = 0) -> bytes:
    """Make an iCCP; *cut* bytes are missing at the end of its stream."""
    stream = zlib.compress(profile)
    return png_chunk(b"iCCP", name + bytes([0, method]) + stream[: len(stream) - cut])


def painted(pixel: Pixel, right: Pixel | None = None, mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, SIZE, pixel if len(pixel) > 1 else pixel[0])
    if right is not None:
        image.paste(right, (SIZE[0] // 2, 0, *SIZE))
    return image


def avif(primaries: int, transfer: int, pixel: Pixel = COLOUR, right: Pixel | None = None, **options: object) -> bytes:
    """Make an AVIF whose `nclx` has these numbers; the coded picture itself says sRGB."""
    options = {"quality": 100, "subsampling": "4:4:4", **options}
    content = encoded(painted(pixel, right, "RGB" if len(pixel) > 1 else "L"), "AVIF", **options)
    at = content.index(b"nclx") + 4
    return content[:at] + struct.pack(">HH", primaries, transfer) + content[at + 4 :]


def jpeg(*chunks: tuple[int, int, bytes], pixel: Pixel = COLOUR) -> bytes:
    """Make a JPEG with these chunks of a profile: number, count, content."""
    segments = [jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes([at, count]) + piece) for at, count, piece in chunks]
    return jpeg_with(*segments, content=encoded(painted(pixel), "JPEG", quality=100, subsampling=0))


def webp(*profiles: bytes, flags: int = 0x20, pixel: Pixel = COLOUR) -> bytes:
    """Make a lossless WebP with these *profiles*, and a header that announces one unless *flags* are 0."""
    picture = encoded(painted(pixel), "WEBP", lossless=True)[12:]
    return makers.webp(makers.vp8x(*SIZE, flags), *(riff_chunk(b"ICCP", profile) for profile in profiles), picture)


def _altered(profile: bytes, at: int, content: bytes) -> bytes:
    return profile[:at] + content + profile[at + len(content) :]


@dataclass(frozen=True)
class Case:
    content: Callable[[], bytes]
    media_type: str
    expected: Pixel
    """In the middle of the left half, as red, green and blue."""


def _png(expected: Pixel, *chunks: bytes, **options: object) -> Case:
    return Case(lambda: png(*chunks, **options), "image/png", expected)  # type: ignore[arg-type]


def _avif(expected: Pixel, primaries: int, transfer: int, **options: object) -> Case:
    return Case(lambda: avif(primaries, transfer, **options), "image/avif", expected)  # type: ignore[arg-type]


def _jpeg(expected: Pixel, *chunks: tuple[int, int, bytes]) -> Case:
    return Case(lambda: jpeg(*chunks), "image/jpeg", expected)


def _webp(expected: Pixel, *profiles: bytes, flags: int = 0x20) -> Case:
    return Case(lambda: webp(*profiles, flags=flags), "image/webp", expected)


_OTHER = rgb_profile(SWAPPED)
_HALVES = _OTHER[:200], _OTHER[200:]
_NITS_1000 = {16: (192, 192, 192), 18: (255, 255, 255)}
"""Light of 1,000 cd/m², by the transfer characteristics: as much as Chromium takes a picture of HDR to have."""


def _hdr(transfer: int, pixel: Pixel = COLOUR) -> dict[str, object]:
    return {"pixel": pixel, "right": _NITS_1000[transfer]}


CASES: dict[str, Case] = {
    "cICP: primaries 4": _png((232, 93, 38), cicp(4, 13)),
    "cICP: primaries 5": _png((203, 100, 56), cicp(5, 13)),
    "cICP: primaries 6": _png((196, 102, 54), cicp(6, 13)),
    "cICP: primaries 7": _png((196, 102, 54), cicp(7, 13)),
    "cICP: primaries 8": _png((222, 92, 40), cicp(8, 13)),
    "cICP: primaries 9": _png((241, 76, 38), cicp(9, 13)),
    "cICP: primaries 10": _png((255, 0, 65), cicp(10, 13)),
    "cICP: primaries 11": _png((211, 93, 40), cicp(11, 13)),
    "cICP: primaries 12": _png((215, 93, 39), cicp(12, 13)),
    "cICP: primaries 22": _png((202, 102, 54), cicp(22, 13)),
    "cICP: transfer 1": _png((197, 91, 44), cicp(1, 1)),
    "cICP: transfer 4": _png((201, 100, 52), cicp(1, 4)),
    "cICP: transfer 5": _png((189, 76, 31), cicp(1, 5)),
    "cICP: transfer 6": _png((197, 91, 44), cicp(1, 6)),
    "cICP: transfer 7": _png((206, 115, 73), cicp(1, 7)),
    "cICP: transfer 8": _png((229, 168, 128), cicp(1, 8)),
    "cICP: transfer 9": _png((200, 100, 55), cicp(1, 9)),
    "cICP: transfer 11": _png((197, 91, 44), cicp(1, 11)),
    "cICP: transfer 14": _png((197, 91, 44), cicp(1, 14)),
    "cICP: transfer 15": _png((197, 91, 44), cicp(1, 15)),
    "cICP: transfer 17": _png((200, 87, 39), cicp(1, 17)),
    "cICP: nothing known": _png((229, 168, 128), cicp(2, 2), gama(100_000)),
    "cICP: of a limited range": _png((200, 100, 55), cicp(12, 13, full=0)),
    "cICP before iCCP": _png((200, 100, 55), cicp(1, 13), iccp(_OTHER)),
    "cICP behind iCCP": _png((215, 93, 39), iccp(_OTHER), cicp(12, 13)),
    "cICP before sRGB": _png((215, 93, 39), cicp(12, 13), srgb()),
    "cICP too short": _png((229, 168, 128), png_chunk(b"cICP", b"\x0c\x0d\0"), gama(100_000)),
    "cICP with a wrong checksum": _png((200, 100, 55), cicp(12, 13)[:-1] + b"?"),
    "gAMA 0.1": _png((84, 0, 0), gama(10_000)),
    "gAMA 0.3": _png((178, 59, 18), gama(30_000)),
    "gAMA 0.43": _png((199, 95, 47), gama(43_000)),
    "gAMA 0.433": _png((200, 100, 55), gama(43_300)),
    "gAMA 0.45455": _png((200, 100, 55), gama(45_455)),
    "gAMA 0.475": _png((200, 100, 55), gama(47_500)),
    "gAMA 0.478": _png((204, 105, 57), gama(47_800)),
    "gAMA 0.55556": _png((210, 119, 71), gama(55_556)),
    "gAMA 0.6": _png((213, 126, 79), gama(60_000)),
    "gAMA 1": _png((229, 168, 128), gama(100_000)),
    "gAMA 2": _png((242, 207, 181), gama(200_000)),
    "gAMA 10": _png((252, 245, 238), gama(1_000_000)),
    "gAMA 0": _png((200, 100, 55), gama(0)),
    "gAMA too short": _png((200, 100, 55), png_chunk(b"gAMA", b"\0\1")),
    "gAMA twice": _png((229, 168, 128), gama(100_000), gama(45_455)),
    "gAMA with sRGB": _png((200, 100, 55), srgb(), gama(100_000)),
    "gAMA with an sRGB of no intent": _png((229, 168, 128), srgb(9), gama(100_000)),
    "gAMA with cHRM": _png((240, 165, 121), gama(100_000), chrm(*P3_POINTS)),
    "gAMA of a screen with cHRM": _png((216, 93, 34), gama(45_455), chrm(*P3_POINTS)),
    "gAMA with the cHRM of sRGB": _png((210, 119, 71), gama(55_556), chrm(*SRGB_POINTS)),
    "gAMA with a cHRM of nothing": _png((200, 100, 55), gama(100_000), chrm(*[0] * 8)),
    "cHRM alone": _png((200, 100, 55), chrm(*P3_POINTS)),
    "gAMA with white C": _png(
        (233, 93, 33), gama(45_455), chrm(31_006, 31_616, 67_000, 33_000, 21_000, 71_000, 14_000, 8_000)
    ),
    "iCCP before gAMA": _png((52, 201, 100), iccp(_OTHER), gama(100_000)),
    "iCCP before sRGB": _png((52, 201, 100), iccp(_OTHER), srgb()),
    "iCCP twice": _png((216, 93, 34), iccp(rgb_profile(DISPLAY_P3)), iccp(_OTHER)),
    "iCCP cut off, then gAMA": _png((229, 168, 128), iccp(_OTHER, cut=20), gama(100_000)),
    "iCCP without its checksum": _png((200, 100, 55), iccp(_OTHER, cut=4)),
    "iCCP without a name": _png((200, 100, 55), iccp(_OTHER, name=b"")),
    "iCCP of another method": _png((200, 100, 55), iccp(_OTHER, method=1)),
    "grey: gAMA": _png((229, 229, 229), gama(100_000), colour_type=0),
    "grey: cICP": _png((200, 200, 200), cicp(12, 13), colour_type=0),
    "grey with alpha: gAMA": _png((229, 229, 229), gama(100_000), colour_type=4),
    "grey with alpha: cICP": _png((200, 200, 200), cicp(12, 13), colour_type=4),
    "with alpha: gAMA": _png((229, 168, 128), gama(100_000), colour_type=6),
    "with alpha: cICP": _png((215, 93, 39), cicp(12, 13), colour_type=6),
    "of a palette: gAMA": _png((229, 168, 128), gama(100_000), colour_type=3),
    "of a palette: cICP": _png((215, 93, 39), cicp(12, 13), colour_type=3),
    "16 bits grey: gAMA": _png((210, 210, 210), gama(55_556), colour_type=0, bits=16),
    "16 bits grey: cICP": _png((229, 229, 229), cicp(9, 8), colour_type=0, bits=16),
    "16 bits: gAMA": _png((210, 119, 71), gama(55_556), colour_type=2, bits=16),
    "16 bits: cICP": _png((255, 159, 120), cicp(9, 8), colour_type=2, bits=16),
    "16 bits with alpha: gAMA": _png((210, 119, 71), gama(55_556), colour_type=6, bits=16),
    "16 bits with alpha: cICP": _png((255, 159, 120), cicp(9, 8), colour_type=6, bits=16),
    "grey with an RGB profile": _png((229, 229, 229), iccp(rgb_profile(SRGB, 1.0)), colour_type=0),
    "cICP of HDR: 1, 16, (200, 100, 55)": _png((255, 51, 11), cicp(1, 16), **_hdr(16)),
    "cICP of HDR: 1, 16, (120, 130, 140)": _png((114, 137, 163), cicp(1, 16), **_hdr(16, (120, 130, 140))),
    "cICP of HDR: 1, 16, (200, 40, 30)": _png((255, 4, 2), cicp(1, 16), **_hdr(16, (200, 40, 30))),
    "cICP of HDR: 9, 16, (200, 100, 55)": _png((255, 0, 0), cicp(9, 16), **_hdr(16)),
    "cICP of HDR: 9, 16, (120, 130, 140)": _png((91, 139, 167), cicp(9, 16), **_hdr(16, (120, 130, 140))),
    "cICP of HDR: 9, 16, (200, 40, 30)": _png((255, 0, 0), cicp(9, 16), **_hdr(16, (200, 40, 30))),
    "cICP of HDR: 12, 16, (200, 100, 55)": _png((255, 0, 0), cicp(12, 16), **_hdr(16)),
    "cICP of HDR: 12, 16, (120, 130, 140)": _png((108, 138, 166), cicp(12, 16), **_hdr(16, (120, 130, 140))),
    "cICP of HDR: 12, 16, (200, 40, 30)": _png((255, 0, 0), cicp(12, 16), **_hdr(16, (200, 40, 30))),
    "cICP of HDR: 9, 18, (200, 100, 55)": _png((230, 48, 26), cicp(9, 18), **_hdr(18)),
    "cICP of HDR: 9, 18, (120, 130, 140)": _png((87, 102, 110), cicp(9, 18), **_hdr(18, (120, 130, 140))),
    "cICP of HDR: 9, 18, (200, 40, 30)": _png((230, 0, 0), cicp(9, 18), **_hdr(18, (200, 40, 30))),
    "cICP of HDR: 12, 18, (200, 100, 55)": _png((202, 71, 27), cicp(12, 18), **_hdr(18)),
    "cICP of HDR: 12, 18, (120, 130, 140)": _png((92, 101, 110), cicp(12, 18), **_hdr(18, (120, 130, 140))),
    "cICP of HDR: 12, 18, (200, 40, 30)": _png((199, 0, 0), cicp(12, 18), **_hdr(18, (200, 40, 30))),
    "HDR in 16 bits": _png((255, 0, 0), cicp(9, 16), bits=16, **_hdr(16)),
    "HDR in grey": _png((255, 255, 255), cicp(9, 16), colour_type=0, **_hdr(16)),
    "HDR with alpha": _png((230, 48, 26), cicp(9, 18), colour_type=6, bits=16, **_hdr(18)),
    "nclx 12, 13": _avif((215, 94, 38), 12, 13),
    "nclx 9, 13": _avif((241, 78, 36), 9, 13),
    "nclx 22, 13": _avif((202, 103, 53), 22, 13),
    "nclx 12, 1": _avif((215, 94, 38), 12, 1),
    "nclx 9, 14": _avif((241, 78, 36), 9, 14),
    "nclx 1, 8": _avif((229, 169, 127), 1, 8),
    "nclx 1, 4": _avif((201, 101, 51), 1, 4),
    "nclx 2, 2": _avif((200, 101, 54), 2, 2),
    "nclx 12, 2": _avif((215, 94, 38), 12, 2),
    "nclx of grey": _avif((188, 188, 188), 1, 8, pixel=GREY),
    "nclx of HDR: 9, 16": _avif((255, 0, 0), 9, 16, **_hdr(16)),
    "nclx of HDR: 12, 16": _avif((255, 0, 0), 12, 16, **_hdr(16)),
    "nclx of HDR: 9, 18": _avif((230, 50, 24), 9, 18, **_hdr(18)),
    "WebP: a profile": _webp((52, 201, 100), _OTHER),
    "WebP: two profiles": _webp((216, 93, 34), rgb_profile(DISPLAY_P3), _OTHER),
    "WebP: a profile that is not announced": _webp((200, 100, 55), _OTHER, flags=0),
    "WebP: a profile that is announced and not there": _webp((200, 100, 55)),
    "WebP: a profile cut off": _webp((200, 100, 55), _OTHER[:-50]),
    "WebP: a profile for grey": _webp((200, 100, 55), grey_profile(1.0)),
    "JPEG: one chunk": _jpeg((53, 202, 100), (1, 1, _OTHER)),
    "JPEG: one chunk counted from 0": _jpeg((201, 100, 56), (0, 1, _OTHER)),
    "JPEG: one chunk of 2": _jpeg((201, 100, 56), (1, 2, _OTHER)),
    "JPEG: one chunk of none": _jpeg((201, 100, 56), (1, 0, _OTHER)),
    "JPEG: two chunks": _jpeg((53, 202, 100), (1, 2, _HALVES[0]), (2, 2, _HALVES[1])),
    "JPEG: two chunks, the second first": _jpeg((53, 202, 100), (2, 2, _HALVES[1]), (1, 2, _HALVES[0])),
    "JPEG: two chunks counted from 0": _jpeg((201, 100, 56), (0, 2, _HALVES[0]), (1, 2, _HALVES[1])),
    "JPEG: two chunks of three": _jpeg((201, 100, 56), (1, 3, _HALVES[0]), (2, 3, _HALVES[1])),
    "JPEG: counts that differ": _jpeg((201, 100, 56), (1, 2, _HALVES[0]), (2, 3, _HALVES[1])),
    "JPEG: a chunk twice": _jpeg((201, 100, 56), (1, 2, _HALVES[0]), (1, 2, _HALVES[0]), (2, 2, _HALVES[1])),
    "JPEG: two profiles": _jpeg((217, 92, 36), (1, 1, rgb_profile(DISPLAY_P3)), (1, 1, _OTHER)),
    "JPEG: a profile cut off": _jpeg((201, 100, 56), (1, 1, _OTHER[:-50])),
    "JPEG: a profile without its signature": _jpeg((201, 100, 56), (1, 1, _altered(_OTHER, 36, b"none"))),
    "JPEG: a profile of version 5": _jpeg((201, 100, 56), (1, 1, _altered(_OTHER, 8, b"\5\0"))),
    "JPEG: a profile under D65": _jpeg(
        (201, 100, 56), (1, 1, _altered(_OTHER, 68, struct.pack(">3i", 62_289, 65_536, 71_372)))
    ),
    "JPEG: a profile for grey": _jpeg((201, 100, 56), (1, 1, grey_profile(1.0))),
    "JPEG: bytes behind a profile": _jpeg((53, 202, 100), (1, 1, _OTHER + b"more")),
}
