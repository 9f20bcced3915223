"""BMP: Windows bitmaps, and those of OS/2 that share their headers (BITMAPCOREHEADER to BITMAPV5HEADER)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from vignette.errors import BrokenImage, UnsupportedFormat
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers import icc
from vignette.pixels.containers.bmp_layout import Layout, read_layout
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.containers.collector import Collector
from vignette.pixels.containers.reader import Reader
from vignette.pixels.pieces import Pieces

_FILE_HEADER_BYTES: Final = 14
_START: Final = struct.Struct("<I")
_CORE: Final = struct.Struct("<HHHH")
_INFO: Final = struct.Struct("<iiHHII")
_CORE_BYTES: Final = 12
_MOST_PALETTE_BITS: Final = 8
# Where in the file it stands at which byte the pixels begin, and how many colours the palette has.
_DATA_START_AT: Final = 10
_COLOURS_USED_AT: Final = 46

# The most rows of a bitmap whose top row comes first, which is a height below 0: Pillow takes a height further below 0
# for one of 4 billion rows.
_MOST_ROWS_DOWN: Final = 1 << 24

_RGB, _RLE8, _RLE4, _BITFIELDS, _ALPHA_BITFIELDS = 0, 1, 2, 3, 6
# By compression. Compressions 4 and 5 mean that a JPEG or a PNG is within, for printers.
_BITS_PER_PIXEL: Final = {
    _RGB: (1, 2, 4, 8, 16, 24, 32),
    _RLE8: (8,),
    _RLE4: (4,),
    _BITFIELDS: (16, 32),
    _ALPHA_BITFIELDS: (16, 32),
}


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    bits_per_pixel: int
    compression: int
    data_bytes: int
    is_top_down: bool


def parse(reader: Reader, bounds: Bounds) -> Anatomy:
    (data_start,) = reader.unpack(_START, _DATA_START_AT, "the file header")
    (header_bytes,) = reader.unpack(_START, _FILE_HEADER_BYTES, "the bitmap header")
    reader.require(_FILE_HEADER_BYTES, header_bytes, "the bitmap header")
    header = _read_header(reader, header_bytes)
    bounds.check_size(header.width, header.height)
    if header.is_top_down and header.height > _MOST_ROWS_DOWN:
        raise UnsupportedFormat(f"a BMP of {header.height:,} rows, the top one first")
    if header.bits_per_pixel not in _BITS_PER_PIXEL.get(header.compression, ()):
        raise UnsupportedFormat(
            f"a BMP of {header.bits_per_pixel} bits per pixel in compression {header.compression} is not supported"
        )
    layout = read_layout(reader)
    collector = Collector()
    needed, padding = _data_bytes(header)
    fault = _fault_of_start(reader, header, layout, needed - padding)
    if fault is not None:
        data_start = _reckoned_start(reader, header, layout)
        collector.warn(f"the BMP {fault}, at byte {data_start:,}")
    if data_start < _FILE_HEADER_BYTES + header_bytes:
        raise BrokenImage(f"the pixels of the BMP begin at byte {data_start:,}, in its header")
    if layout.profile is not None and (profile := collector.read(reader, *layout.profile, "ICC profile")):
        collector.set_icc(profile)
    applied = collector.sound_profile(icc.RGB)
    missing = max(0, data_start + needed - reader.size)
    if missing > padding:
        reader.require(data_start, needed, "the pixels")
    if missing:
        collector.warn(f"the BMP lacks {missing} bytes behind its last pixel")
    return Anatomy(
        format=formats.BMP,
        width=header.width,
        height=header.height,
        bits_per_pixel=header.bits_per_pixel,
        held_bytes=header.width * header.height if layout.is_run_length else 0,
        profile=applied,
        colour=applied,
        blocks=collector.blocks(),
        mended=_mended(reader.size, data_start, missing) if missing or fault is not None else None,
    )


def _fault_of_start(reader: Reader, header: _Header, layout: Layout, needed: int) -> str | None:
    """Return what is wrong with where the pixels, of *needed* bytes, are said to begin; None if nothing is."""
    if not layout.data_start:
        return "does not say where its pixels begin; they follow its header"
    if header.bits_per_pixel > _MOST_PALETTE_BITS or layout.data_start != layout.palette_start:
        return None
    if _reckoned_start(reader, header, layout) + needed > reader.size:
        return None  # there is no palette
    return "says that its pixels begin where its palette does; they follow it"


def _reckoned_start(reader: Reader, header: _Header, layout: Layout) -> int:
    """Return where the pixels begin if they follow header, masks and palette."""
    colours = 0
    if header.bits_per_pixel <= _MOST_PALETTE_BITS:
        has_number = layout.palette_start >= _COLOURS_USED_AT + _START.size
        (told,) = reader.unpack(_START, _COLOURS_USED_AT, "the bitmap header") if has_number else (0,)
        colours = told if 0 < told <= 1 << header.bits_per_pixel else 1 << header.bits_per_pixel
    return layout.palette_start + colours * layout.palette_entry_bytes


def _mended(size: int, data_start: int, missing: int) -> Pieces:
    mended = Pieces()
    mended.copy(0, _DATA_START_AT)
    mended.write(_START.pack(data_start))
    mended.copy(_DATA_START_AT + _START.size, size)
    mended.write(bytes(missing))
    return mended


def _read_header(reader: Reader, length: int) -> _Header:
    start = _FILE_HEADER_BYTES + 4
    if length == _CORE_BYTES:
        width, height, _, bits = reader.unpack(_CORE, start, "the bitmap header")
        return _Header(width, height, bits, _RGB, 0, is_top_down=False)
    told = reader.read(start, min(length - 4, _INFO.size), "the bitmap header")
    width, height, _, bits, compression, data_bytes = _INFO.unpack(told.ljust(_INFO.size, b"\0"))
    # A negative height says that the top row comes first.
    return _Header(width, abs(height), bits, compression, data_bytes, is_top_down=height < 0)


def _data_bytes(header: _Header) -> tuple[int, int]:
    """
    Return how many bytes the pixels take, and how many of these only fill up the last row.

    Only the header tells that of run lengths (RLE): an end mark at least.
    """
    if header.compression in (_RLE4, _RLE8):
        return max(header.data_bytes, 2), 0
    bits = header.width * header.bits_per_pixel
    row_bytes = (bits + 31) // 32 * 4
    return row_bytes * header.height, row_bytes - (bits + 7) // 8
