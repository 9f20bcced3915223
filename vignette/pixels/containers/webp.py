"""WebP: RFC 9649; the lossy bitstream is that of VP8 (RFC 6386)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from vignette.errors import BrokenImage
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers import icc
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.containers.coded_frames import CANVAS_BYTES
from vignette.pixels.containers.collector import Collector
from vignette.pixels.containers.exif import orientation_of
from vignette.pixels.containers.reader import Reader
from vignette.pixels.containers.riff import ANMF_BYTES, Chunk, chunks, chunks_of_frame, with_last_padding
from vignette.pixels.pieces import Pieces

_VP8X_BYTES: Final = 10
# Flags of VP8X (2.7.1).
_ANIMATED, _HAS_PROFILE = 0x02, 0x20

_VP8_HEADER: Final = struct.Struct("<3s3sHH")
_VP8_START_CODE: Final = b"\x9d\x01\x2a"
_VP8L_HEADER: Final = struct.Struct("<BI")
_VP8L_SIGNATURE: Final = 0x2F


def parse(reader: Reader, bounds: Bounds) -> Anatomy:
    following = chunks(reader)
    first = next(following, None)
    if first is None:
        raise BrokenImage("the WebP holds no chunk")
    if first.kind in (b"VP8 ", b"VP8L"):
        # The simple layouts have one chunk; what follows is to be ignored (RFC 9649, 2.5 and 2.6).
        width, height = _bitstream_size(reader, first)
        bounds.check_size(width, height)
        collector = Collector()
        mended = _mended(reader, first, collector)
        return Anatomy(
            format=formats.WEBP,
            width=width,
            height=height,
            held_bytes=_held_bytes(first, width * height),
            blocks=collector.blocks(),
            mended=mended,
        )
    if first.kind != b"VP8X":
        raise BrokenImage(f"a WebP begins with VP8, VP8L or VP8X, not with {first.what}")
    return _Extended(reader, bounds, first).run(following)


def _mended(reader: Reader, last: Chunk, collector: Collector) -> Pieces | None:
    mended = with_last_padding(reader, last)
    if mended is not None:
        collector.warn(f"the WebP ends before the byte that fills up {last.what}; nothing else is missing")
    return mended


def _bitstream_size(reader: Reader, chunk: Chunk) -> tuple[int, int]:
    """Return the (width, height) in pixels of the picture in a `VP8 ` or `VP8L` chunk."""
    layout = _VP8_HEADER if chunk.kind == b"VP8 " else _VP8L_HEADER
    if chunk.length <= layout.size:
        raise BrokenImage(f"{chunk.what} is {chunk.length} bytes long")
    if chunk.kind == b"VP8 ":
        tag, start_code, width, height = reader.unpack(layout, chunk.start, chunk.what)
        frame_bits = int.from_bytes(tag, "little")
        if frame_bits & 1 or start_code != _VP8_START_CODE:
            raise BrokenImage(f"{chunk.what} does not begin with a key frame")
        if frame_bits >> 5 > chunk.length - layout.size:
            raise BrokenImage(f"{chunk.what} is cut short: its first partition has {frame_bits >> 5:,} bytes")
        return width & 0x3FFF, height & 0x3FFF  # the upper bits ask for scaling (RFC 6386, 9.1)
    signature, packed = reader.unpack(layout, chunk.start, chunk.what)
    if signature != _VP8L_SIGNATURE or packed >> 29:
        raise BrokenImage(f"{chunk.what} does not begin with a lossless picture of version 0")
    return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1


def _held_bytes(picture: Chunk, pixels: int) -> int:
    """
    Return how many bytes a decoder must hold at once.

    A lossless pixel, of 4 bytes, may refer back to any pixel before it. The blocks of a lossy picture refer only to
    their row.
    """
    return 4 * pixels if picture.kind == b"VP8L" else 0


class _Extended:
    """The layout with a canvas: transparency, animation, metadata (RFC 9649, 2.7)."""

    def __init__(self, reader: Reader, bounds: Bounds, header: Chunk) -> None:
        self._reader = reader
        self._bounds = bounds
        self._collector = Collector()
        if header.length < _VP8X_BYTES:
            raise BrokenImage(f"{header.what} is {header.length} bytes long")
        fields = reader.read(header.start, _VP8X_BYTES, header.what)
        self._is_animated = bool(fields[0] & _ANIMATED)
        self._profile_fault = None if fields[0] & _HAS_PROFILE else "the header of the WebP does not announce it"
        self._width = int.from_bytes(fields[4:7], "little") + 1
        self._height = int.from_bytes(fields[7:10], "little") + 1
        self._frames = 0
        self._last = header
        self._held_bytes = 0
        self._has_alpha_apart = False
        bounds.check_size(self._width, self._height)

    def run(self, following: Iterator[Chunk]) -> Anatomy:
        for chunk in following:
            self._last = chunk
            if chunk.kind == b"ANMF" and self._is_animated:
                self._take_frame(chunk)
            elif chunk.kind in (b"VP8 ", b"VP8L") and not self._is_animated:
                self._take_still(chunk)
            elif chunk.kind == b"ALPH" and not self._is_animated:
                self._held_bytes = self._width * self._height
                self._has_alpha_apart = True
            elif chunk.kind in (b"EXIF", b"XMP ", b"ICCP"):
                self._take_metadata(chunk)
        if not self._frames:
            raise BrokenImage("the WebP holds no picture")
        profile = self._collector.sound_profile(icc.RGB)
        mended = _mended(self._reader, self._last, self._collector)
        return Anatomy(
            format=formats.WEBP,
            width=self._width,
            height=self._height,
            orientation=orientation_of(self._collector),
            frames=self._frames,
            has_alpha_apart=self._has_alpha_apart,
            held_bytes=self._held_bytes,
            profile=profile,
            colour=profile,
            blocks=self._collector.blocks(),
            mended=mended,
        )

    def _take_still(self, chunk: Chunk) -> None:
        if self._frames:
            raise BrokenImage(f"{chunk.what} is a second picture, without animation")
        if _bitstream_size(self._reader, chunk) != (self._width, self._height):
            raise BrokenImage(
                f"{chunk.what} is not of the size of the canvas, {self._width:,} × {self._height:,} pixels"
            )
        self._frames = 1
        self._held_bytes += _held_bytes(chunk, self._width * self._height)

    def _take_frame(self, chunk: Chunk) -> None:
        if chunk.length < ANMF_BYTES:
            raise BrokenImage(f"{chunk.what} is {chunk.length} bytes long")
        header = self._reader.read(chunk.start, ANMF_BYTES, chunk.what)
        left, top, width, height = (int.from_bytes(header[at : at + 3], "little") for at in (0, 3, 6, 9))
        width, height = width + 1, height + 1
        if 2 * left + width > self._width or 2 * top + height > self._height:
            raise BrokenImage(f"{chunk.what} is a frame that does not lie within the canvas")
        within = list(chunks_of_frame(self._reader, chunk))
        pictures = [inner for inner in within if inner.kind in (b"VP8 ", b"VP8L")]
        if len(pictures) != 1 or _bitstream_size(self._reader, pictures[0]) != (width, height):
            raise BrokenImage(f"{chunk.what} does not hold one picture of {width:,} × {height:,} pixels")
        if not self._frames:  # the still is made of this one
            self._held_bytes = _held_bytes(pictures[0], width * height)
            if pictures[0].kind == b"VP8 " and any(inner.kind == b"ALPH" for inner in within):
                self._held_bytes += width * height
                self._has_alpha_apart = True
            if (width, height) != (self._width, self._height):
                self._held_bytes += CANVAS_BYTES * self._width * self._height
        self._frames += 1
        self._bounds.check_frames(self._frames)

    def _take_metadata(self, chunk: Chunk) -> None:
        block = self._collector.read(self._reader, chunk.start, chunk.length, f"chunk {chunk.kind.decode()!r}")
        if not block:
            return
        if chunk.kind == b"EXIF":
            self._collector.set_exif(block)
        elif chunk.kind == b"XMP ":
            self._collector.add_xmp(block)
        else:
            self._collector.set_icc(block, self._profile_fault)
