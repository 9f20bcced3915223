"""The segments of a JPEG (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final

from vignette.errors import BrokenImage, UnsupportedFormat
from vignette.pixels.containers.reader import Reader

# Baseline, extended sequential, progressive, all in Huffman coding; the last two also in arithmetic coding.
PROGRESSIVE: Final = 0xC2
ARITHMETIC: Final = (0xC9, 0xCA)
FRAMES: Final = (0xC0, 0xC1, PROGRESSIVE, *ARITHMETIC)
EOI, SOS, DNL, COM = 0xD9, 0xDA, 0xDC, 0xFE
DHT, DQT, DRI = 0xC4, 0xDB, 0xDD
APP0, APP1, APP2, APP13, APP14 = 0xE0, 0xE1, 0xE2, 0xED, 0xEE

# Lossless and hierarchical coding: no browser shows them, and decoders are little tested with them.
_FOREIGN_FRAMES: Final = (0xC3, *range(0xC5, 0xC8), 0xCB, *range(0xCD, 0xD0), 0xDE)
_DAC, _EXP, _TEM = 0xCC, 0xDF, 0x01
_RESTARTS: Final = range(0xD0, 0xD8)
_KNOWN: Final = frozenset({*FRAMES, SOS, DHT, _DAC, DQT, DRI, DNL, _EXP, *range(0xE0, 0x100)})

# A segment holds 64 KiB, so these hold over 1 GB of metadata, and are a moment's work.
_MAX_SEGMENTS: Final = 20_000

# Bytes between segments are skipped, as decoders do; FF 00 is a data byte, FF FF a fill byte.
_MARKER: Final = re.compile(rb"\xff[\x01-\xfe]")
# Restart markers are part of a scan's data.
_MARKER_AFTER_DATA: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")

_LENGTH: Final = struct.Struct(">H")
_HEAD_BYTES: Final = 2 + _LENGTH.size


class Unended(BrokenImage):
    """The segments stop before the end-of-image marker: the file ends, or goes on with what is no segment."""


class Segment:
    """A marker with its `code`, at offset `marker`; and its content, `length` bytes from `start` to `stop`."""

    __slots__ = ("_end", "_reader", "code", "length", "marker", "start", "stop")

    def __init__(self, reader: Reader, code: int, marker: int, length: int) -> None:
        self.code = code
        self.marker = marker
        self.length = length
        self.start = start = marker + _HEAD_BYTES
        self.stop = start + length
        self._reader = reader
        self._end: int | None = None

    @property
    def what(self) -> str:
        """Its name in the words of an error."""
        return _what(self.code, self.marker)

    @property
    def end(self) -> int:
        """
        Where the segment ends: `stop`; for a scan, where the data end that follow its header.

        Raises:
            Unended: The file ends before a marker does end the data of the scan.
        """
        if self.code != SOS:
            return self.stop
        if self._end is None:
            self._end = self._reader.find(_MARKER_AFTER_DATA, self.stop)
            if self._end is None:
                raise Unended(f"the file ends at byte {self._reader.size:,}, within the scan of byte {self.marker:,}")
        return self._end

    def ends_at(self, end: int) -> None:
        """Tell where the segment, a scan, ends; who has walked along its data knows."""
        self._end = end


def segments(reader: Reader) -> Iterator[Segment]:
    """
    Yield each segment behind the first marker, up to EOI, which is a segment without content.

    A scan is yielded before anything walks along its data; asking for its `end` does so.

    Raises:
        UnsupportedFormat: The JPEG is in a coding that no browser shows.
        Unended: There is no EOI, a segment goes over the end of the file, or there is a marker of no segment.
        BrokenImage: There are more segments than a picture has.
    """
    offset = 2
    has_scan = False
    for _ in range(_MAX_SEGMENTS):
        marker = reader.find(_MARKER, offset)
        if marker is None:
            raise Unended(f"the file ends at byte {reader.size:,} without the end-of-image marker")
        code = reader.read(marker + 1, 1, "a marker")[0]
        if code == EOI:
            yield Segment(reader, code, marker, 0)
            return
        if code in _RESTARTS or code == _TEM:
            offset = marker + 2
        else:
            try:
                segment = Segment(reader, code, marker, _content_length(reader, code, marker))
            except BrokenImage as error:
                raise Unended(str(error)) from None
            except UnsupportedFormat as error:
                raise Unended(str(error)) if has_scan else error from None
            has_scan = has_scan or code == SOS
            yield segment
            offset = segment.end
    raise BrokenImage(f"the JPEG has more than {_MAX_SEGMENTS:,} segments")


def _content_length(reader: Reader, code: int, marker: int) -> int:
    if code not in _KNOWN:
        raise _unknown(code, marker)
    at = marker + 2
    if at + _LENGTH.size > reader.size:
        reader.require(at, _LENGTH.size, _what(code, marker))
    length: int = reader.unpack(_LENGTH, at, "a segment")[0] - _LENGTH.size
    if length < 0:
        raise BrokenImage(f"{_what(code, marker)} claims a length of {length + _LENGTH.size}")
    if marker + _HEAD_BYTES + length > reader.size:
        reader.require(marker + _HEAD_BYTES, length, _what(code, marker))
    return length


def _unknown(code: int, marker: int) -> Exception:
    if code in _FOREIGN_FRAMES:
        return UnsupportedFormat(f"a JPEG in lossless or hierarchical coding (marker FF {code:02X} at byte {marker:,})")
    return BrokenImage(f"an unexpected marker FF {code:02X} is at byte {marker:,}")


def _what(code: int, marker: int) -> str:
    return f"the segment FF {code:02X} at byte {marker:,}"
