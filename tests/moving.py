"""Writes pictures that move, byte by byte: what no encoder writes, and decoders have to read all the same."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from PIL import Image

from tests.makers import encoded, png_chunk, riff_chunk, vp8x, webp
from vignette.pixels.formats import PNG_SIGNATURE

RED, LIME, BLUE, YELLOW = b"\xff\0\0", b"\0\xff\0", b"\0\0\xff", b"\xff\xff\0"
FOUR_COLOURS = RED + LIME + BLUE + YELLOW

KEEP, CLEAR, RESTORE = 1, 2, 3
"""What becomes of a frame of a GIF before the next one (89a, 23.c.iv)."""


@dataclass(frozen=True)
class GifFrame:
    """
    *indices* are those of the pixels, row by row; one number stands for all.

    *delay* is in hundredths of a second. Without *control*, the frame has no graphic control extension.
    """

    width: int
    height: int
    indices: bytes | int = 0
    left: int = 0
    top: int = 0
    delay: int = 10
    disposal: int = 0
    transparent: int | None = None
    palette: bytes = b""
    is_interlaced: bool = False
    control: bool = True

    def encoded(self) -> bytes:
        flags = (0x80 | _palette_bits(self.palette) if self.palette else 0) | (0x40 if self.is_interlaced else 0)
        place = struct.pack("<HHHHB", self.left, self.top, self.width, self.height, flags)
        return self._control() + b"," + place + self.palette + _lzw(self._stored())

    def _control(self) -> bytes:
        if not self.control:
            return b""
        flags = self.disposal << 2 | (self.transparent is not None)
        return b"!\xf9\4" + struct.pack("<BHBx", flags, self.delay, self.transparent or 0)

    def _stored(self) -> bytes:
        pixels = self.indices
        if isinstance(pixels, int):
            pixels = bytes([pixels]) * (self.width * self.height)
        if not self.is_interlaced:
            return pixels
        order = [y for start, step in ((0, 8), (4, 8), (2, 4), (1, 2)) for y in range(start, self.height, step)]
        return b"".join(pixels[y * self.width : (y + 1) * self.width] for y in order)


def gif(
    *frames: GifFrame, size: tuple[int, int], palette: bytes = FOUR_COLOURS, before: bytes = b"", background: int = 0
) -> bytes:
    """Make a GIF with the blocks *before* its frames; without a *palette*, it has no global one."""
    flags = 0x80 | _palette_bits(palette) if palette else 0
    screen = struct.pack("<HHBBB", *size, flags, background, 0)
    return b"GIF89a" + screen + palette + before + b"".join(frame.encoded() for frame in frames) + b";"


def gif_loop(count: int, name: bytes = b"NETSCAPE2.0") -> bytes:
    return b"!\xff\x0b" + name + struct.pack("<BBHB", 3, 1, count, 0)


def _palette_bits(palette: bytes) -> int:
    return (len(palette) // 3).bit_length() - 2


def _lzw(indices: bytes, code_size: int = 8) -> bytes:
    """Code without compression: cleared before the codes become longer."""
    clear, end = 1 << code_size, (1 << code_size) + 1
    codes = [clear]
    for at, index in enumerate(indices):
        if at and at % (clear - 2) == 0:
            codes.append(clear)
        codes.append(index)
    codes.append(end)
    number = 0
    for code in reversed(codes):
        number = number << (code_size + 1) | code
    data = number.to_bytes((len(codes) * (code_size + 1) + 7) // 8, "little")
    pieces = [data[at : at + 255] for at in range(0, len(data), 255)]
    return bytes([code_size]) + b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


NONE, BACKGROUND, PREVIOUS = 0, 1, 2
SOURCE, OVER = 0, 1
"""`dispose_op` and `blend_op` of an APNG (PNG, Third Edition, 11.3.6.2)."""

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
_SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


@dataclass(frozen=True)
class ApngFrame:
    """*pixel* is the value of all pixels, as many bytes as that has; or all rows, packed. *delay* is in seconds."""

    width: int
    height: int
    pixel: bytes
    left: int = 0
    top: int = 0
    delay: tuple[int, int] = (1, 10)
    dispose: int = NONE
    blend: int = SOURCE


@dataclass(frozen=True)
class PngKind:
    colour: int = RGBA
    depth: int = 8
    palette: bytes = b""
    transparency: bytes = b""

    def row_bytes(self, width: int) -> int:
        return (width * _SAMPLES[self.colour] * self.depth + 7) // 8

    def data(self, width: int, height: int, pixel: bytes) -> bytes:
        """Compress the rows: all of *pixel*, or the rows that it holds."""
        row = self.row_bytes(width)
        whole = pixel if len(pixel) == row * height and row * height > 1 else (pixel * (row // len(pixel))) * height
        return zlib.compress(b"".join(b"\0" + whole[y * row : (y + 1) * row] for y in range(height)))


def apng(
    *frames: ApngFrame,
    size: tuple[int, int],
    kind: PngKind = PngKind(),
    plays: int = 0,
    hidden: bytes = b"",
    before: bytes = b"",
) -> bytes:
    """Make an APNG. With *hidden*, pixels as of a frame, the still picture is none of the *frames*."""
    sequence = 0
    chunks = [png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, kind.depth, kind.colour, 0, 0, 0)), before]
    chunks.append(png_chunk(b"acTL", struct.pack(">II", len(frames), plays)))
    if kind.palette:
        chunks.append(png_chunk(b"PLTE", kind.palette))
    if kind.transparency:
        chunks.append(png_chunk(b"tRNS", kind.transparency))
    if hidden:
        chunks.append(png_chunk(b"IDAT", kind.data(*size, hidden)))
    for number, frame in enumerate(frames):
        place = struct.pack(">IIIII", sequence, frame.width, frame.height, frame.left, frame.top)
        chunks.append(png_chunk(b"fcTL", place + struct.pack(">HHBB", *frame.delay, frame.dispose, frame.blend)))
        data = kind.data(frame.width, frame.height, frame.pixel)
        sequence += 1
        if number or hidden:
            chunks.append(png_chunk(b"fdAT", struct.pack(">I", sequence) + data))
            sequence += 1
        else:
            chunks.append(png_chunk(b"IDAT", data))
    return PNG_SIGNATURE + b"".join(chunks) + png_chunk(b"IEND")


@dataclass(frozen=True)
class WebpFrame:
    """*left* and *top* are even. A frame that *clears* makes its place transparent after it was shown."""

    image: Image.Image
    left: int = 0
    top: int = 0
    milliseconds: int = 100
    clears: bool = False
    blends: bool = True
    is_lossless: bool = True

    def encoded(self) -> bytes:
        coded = encoded(self.image, "WEBP", lossless=self.is_lossless, exact=self.is_lossless, quality=90)
        first = 12
        if coded[12:16] == b"VP8X":
            first += 18
        place = b"".join(
            value.to_bytes(3, "little")
            for value in (
                self.left // 2,
                self.top // 2,
                self.image.width - 1,
                self.image.height - 1,
                self.milliseconds,
            )
        )
        flags = (0 if self.blends else 2) | self.clears
        return riff_chunk(b"ANMF", place + bytes([flags]) + coded[first:])


def moving_webp(
    *frames: WebpFrame,
    size: tuple[int, int],
    plays: int = 0,
    background: bytes = bytes(4),
    has_alpha: bool = True,
) -> bytes:
    """*background* is blue, green, red and alpha."""
    flags = 0x02 | (0x10 if has_alpha else 0)
    anim = riff_chunk(b"ANIM", background + struct.pack("<H", plays))
    return webp(vp8x(*size, flags), anim, *(frame.encoded() for frame in frames))


def plain(size: tuple[int, int], colour: str | tuple[int, ...], mode: str = "RGBA") -> Image.Image:
    return Image.new(mode, size, colour)
