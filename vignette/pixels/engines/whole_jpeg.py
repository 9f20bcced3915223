"""
Has Pillow decode a JPEG, and finds out on the way whether its coded data are whole.

To libjpeg it is a mere warning if the data of a scan end early, and Pillow does not pass its warnings on: the rest of
the picture would be grey. But libjpeg takes its data in portions, and what it does when a portion is used up tells
where it stands. In the middle of the pixels it waits, and gives back what it cannot use yet. Behind the last pixel of a
scan, and before a restart marker, it looks for a marker, and throws away all bytes that are none. So each portion here
ends where the data of a scan end, or before a restart marker; then comes some padding, which stands for no pixel.

That costs next to nothing, no memory, and no bit of the picture.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any, BinaryIO, Final

from PIL import Image, JpegImagePlugin

from vignette.limits import KIB
from vignette.pixels.containers.jpeg_segments import DRI, EOI, SOS, Segment, Unended, segments
from vignette.pixels.containers.reader import Reader

_PORTION_BYTES: Final = 64 * KIB

# libjpeg reads up to 8 bytes ahead. Ones alone are no Huffman code (ITU-T T.81, C.2), so it takes them for few pixels.
_PADDING: Final = b"\xff\0" * 16
# It gives this byte back unless it looks for a marker: for a code it wants more of them at a time.
_PROBE: Final = b"\0"

# Encoders in hardware may fill up the data with a few bytes, or with zeros.
_SPARE_BYTES: Final = 16

# Each look takes some microseconds. What overwrites less than this, overwrites no sector of a disk.
_LEAST_LOOKED_AT: Final = 4 * KIB

_MARKER: Final = re.compile(rb"\xff[\x01-\xfe]")
_RESTARTS: Final = bytes(range(0xD0, 0xD8))


class DamagedPixels(OSError):
    """Pixels are missing, or damaged. Another engine would find no others."""


def load(source: JpegImagePlugin.JpegImageFile, file: BinaryIO) -> None:
    """
    Do what the `load` of *source*, the picture in *file*, does.

    Raises:
        DamagedPixels: A scan has too few data for its pixels, or too many; or its restart markers are out of order.
        OSError: The decoder finds another fault.
        BrokenImage: *file* has segments that would not pass the door.
    """
    source.load_prepare()
    (tile,) = source.tile
    decoder = _Decoder(source, tile.codec_name, tile.args)
    try:
        decoder.codec.setimage(source.im, tile.extents)
        _decode(decoder, file)
    except Unended as error:
        raise DamagedPixels(f"premature end: {error}") from error
    finally:
        decoder.codec.cleanup()
    source.tile = []


class _Decoder:
    """
    Takes a JPEG in portions. `is_done` once it has made all pixels; then it takes no notice of what else comes.
    """

    def __init__(self, source: JpegImagePlugin.JpegImageFile, codec: str, arguments: Any) -> None:
        self.codec = Image._getdecoder(source.mode, codec, arguments, source.decoderconfig)
        self.is_done = False
        self._left = b""

    def take(self, portion: bytes) -> bool:
        """Decode *portion*; return whether no byte, of it or of an earlier one, has to wait for the next one."""
        if self.is_done:
            return True
        content = self._left + portion
        used, fault = self.codec.decode(content)
        if fault:
            raise OSError("broken data stream")
        self.is_done = used < 0
        self._left = b"" if self.is_done else content[used:]
        return not self._left

    def throws_away(self, byte: bytes) -> bool:
        """Give it one *byte* more; return whether it looks for a marker, so that the byte stands for no pixel."""
        looks = not self._left
        return self.take(byte) and looks

    def copy(self, reader: Reader, start: int, end: int) -> None:
        for at in range(start, end, _PORTION_BYTES):
            self.take(reader.read(at, min(_PORTION_BYTES, end - at), "the picture"))


def _decode(decoder: _Decoder, file: BinaryIO) -> None:
    # One reader walks along the segments, the other one reads what lies behind it.
    size = file.seek(0, io.SEEK_END)
    walk, reader = Reader(file, size), Reader(file, size)
    at, has_restarts = 0, False
    for segment in segments(walk):
        if segment.code == DRI:
            has_restarts = any(walk.read(segment.start, segment.length, segment.what))
        elif segment.code == SOS:
            decoder.copy(reader, at, segment.stop)
            restarts = _restarts(walk, segment) if has_restarts else []
            _decode_scan(decoder, reader, segment, restarts)
            if has_restarts:
                _check_no_restart_is_awaited(decoder, len(restarts))
            at = segment.end
        elif segment.code == EOI:
            decoder.copy(reader, at, segment.marker + 2)
    if not decoder.is_done:
        raise DamagedPixels("premature end of the picture")


def _restarts(reader: Reader, scan: Segment) -> list[int]:
    """
    Return where the restart markers of *scan* are, and tell it where it ends.

    Raises:
        DamagedPixels: They do not count from 0 to 7 over and over (T.81, B.2.1), or the file ends before the scan.
    """
    found: list[int] = []
    codes = bytearray()
    for at in range(scan.stop, reader.size, _PORTION_BYTES):
        data = reader.read(at, min(_PORTION_BYTES + 1, reader.size - at), scan.what)  # a marker may lie across the edge
        starts = [match.start() for match in _MARKER.finditer(data)]
        codes += bytes(data[start + 1] for start in starts)
        found += [at + start for start in starts]
        count = len(codes) - len(codes.lstrip(_RESTARTS))
        if count < len(found):
            scan.ends_at(found[count])
            if codes[:count] != (_RESTARTS * (count // len(_RESTARTS) + 1))[:count]:
                raise DamagedPixels("the restart markers of a scan are out of order")
            return found[:count]
    raise DamagedPixels("premature end of the file")


def _restart(number: int) -> bytes:
    return bytes([0xFF, _RESTARTS[number % len(_RESTARTS)]])


def _decode_scan(decoder: _Decoder, reader: Reader, scan: Segment, restarts: Sequence[int]) -> None:
    """Decode the data of *scan*, and look behind each interval that is not too small. *restarts*: where these begin."""
    start = interval = scan.stop
    for end in (*restarts, scan.end):
        if end - start >= _LEAST_LOOKED_AT or end == scan.end:
            _decode_interval(decoder, reader, start, interval, end)
            start = end
        interval = end + len(_restart(0))


def _decode_interval(decoder: _Decoder, reader: Reader, start: int, interval: int, end: int) -> None:
    """Decode the data from *start* to *end*, where a marker is. What is coded together begins at *interval*."""
    near = max(start, end - _PORTION_BYTES)
    decoder.copy(reader, start, near)
    tail = reader.read(near, end - near, "the picture")
    spare = len(tail.rstrip(b"\0")) - _SPARE_BYTES
    if near + spare > interval:
        decoder.take(tail[:spare])
        if decoder.is_done or decoder.throws_away(tail[spare : spare + 1]):
            raise DamagedPixels(f"more data than pixels before byte {end:,}")
        tail = tail[spare + 1 :]
    decoder.take(tail + _PADDING)
    if not decoder.throws_away(_PROBE):
        raise DamagedPixels(f"premature end of data at byte {end:,}")


def _check_no_restart_is_awaited(decoder: _Decoder, number: int) -> None:
    """Raise `DamagedPixels` if the scan, which has *number* restart markers, would go on behind another one."""
    decoder.take(_restart(number))
    if not decoder.throws_away(_PROBE):
        raise DamagedPixels(f"premature end of a scan after {number:,} restart markers")
