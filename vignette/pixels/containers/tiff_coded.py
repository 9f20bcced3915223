"""
Tells whether the strips or tiles of a TIFF, in Deflate or LZW, hold all of their pixels; no pixel is kept.

What is wrong there no engine can decode, so the door had better say so. In larger pages, and in other compressions, the
decoder tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vignette.errors import BrokenImage
from vignette.limits import MIB
from vignette.pixels.containers.lzw import tiff_holds
from vignette.pixels.containers.png_data import Inflation
from vignette.pixels.containers.reader import Reader

_LZW: Final = 5
_DEFLATE: Final = (8, 32946)
CHECKED: Final = (_LZW, *_DEFLATE)
# Each takes some 10 µs besides what its bytes take.
MOST_STRIPS: Final = 2_000

# A hundredth of a second's work, as for a PNG.
_MOST_INFLATED_BYTES: Final = 4 * MIB
# A fifth of a second's work.
_MOST_LZW_BYTES: Final = MIB

# TIFF before revision 6.0 had the bits of LZW in another order; libtiff tells it by these two bytes.
_OLD_LZW: Final = (0, 1)


@dataclass(frozen=True, slots=True)
class Strip:
    """Where the `length` coded bytes of a strip or tile are, and how many bytes they are to hold."""

    offset: int
    length: int
    needed: int


def check(reader: Reader, compression: int, strips: Sequence[Strip], what: str) -> None:
    """Raise `BrokenImage` if one of the *strips* of *what*, which lie in the file, does not hold its pixels."""
    coded, needed = sum(strip.length for strip in strips), sum(strip.needed for strip in strips)
    if compression in _DEFLATE:
        if max(coded, needed) <= _MOST_INFLATED_BYTES:
            for strip in strips:
                _inflate(reader, strip, what)
    elif compression == _LZW and coded <= _MOST_LZW_BYTES:
        for strip in strips:
            _follow_codes(reader, strip, what)


def _inflate(reader: Reader, strip: Strip, what: str) -> None:
    part = f"{what} has a damaged part at byte {strip.offset:,}"
    inflation = Inflation(strip.needed)
    inflation.take_all(reader.chunks(strip.offset, strip.length, what))
    if inflation.fault:
        raise BrokenImage(f"{part}: {inflation.fault}")
    if inflation.found < strip.needed:  # decoders do without the checksum behind them
        raise BrokenImage(f"{part}: it inflates to {inflation.found:,} of {strip.needed:,} bytes")


def _follow_codes(reader: Reader, strip: Strip, what: str) -> None:
    data = reader.read(strip.offset, strip.length, what)
    is_old = len(data) > 1 and (data[0], data[1] & 1) == _OLD_LZW
    if not is_old and not tiff_holds(data, strip.needed):
        raise BrokenImage(f"{what} has a damaged part at byte {strip.offset:,}: it does not code its pixels")
