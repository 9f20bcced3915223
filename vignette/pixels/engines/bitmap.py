"""
Decodes BMP: the bits are taken apart here, and libvips shrinks the pixels a few rows at a time.

Pillow knows only the usual masks, and holds the whole picture. Uncompressed pixels are not copied here: libvips reads
them where the file is mapped into memory. Run lengths are expanded to one byte a pixel.
"""

from __future__ import annotations

import io
import mmap
import sys
from typing import Any, BinaryIO, Final

from PIL import Image

from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers.bmp_layout import RLE4, Layout, read_layout
from vignette.pixels.containers.reader import Reader
from vignette.pixels.engines import libvips
from vignette.pixels.engines.deep import library
from vignette.pixels.engines.run_lengths import expanded
from vignette.pixels.engines.sizes import check_size

_BYTE: Final = 255
# The bytes of a pixel as libvips numbers its bands, by the mask of a whole byte.
_WHOLE_BYTES: Final = {0xFF: 0, 0xFF00: 1, 0xFF0000: 2, 0xFF000000: 3}


def decode(file: BinaryIO, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    """As `engines.decode`, for a BMP."""
    vips = library()
    reader = Reader(file, file.seek(0, io.SEEK_END))
    layout = read_layout(reader)
    check_size((layout.width, layout.height), (anatomy.width, anatomy.height))
    try:
        if layout.is_run_length:
            indices, seen = expanded(
                _content(file, layout.data_start), layout.width, layout.height, layout.compression == RLE4
            )
            image = _image(indices, layout.width, layout.height, "uchar")
            image = image.maplut(_palette(reader, layout))
            if seen is not None:  # black, not the first colour of the palette: as in Chromium
                image = image & _image(seen, layout.width, layout.height, "uchar")
        else:
            image = _colours(reader, layout, _content(file, layout.data_start))
        if not layout.is_top_down:
            image = image.flip("vertical")
        image = image.copy(interpretation="srgb" if image.bands > 2 else "b-w")
        return libvips.finished(image, anatomy, size)
    except vips.Error as error:
        raise OSError(libvips.words(error)) from error


def _content(file: BinaryIO, start: int) -> memoryview:
    """Return what is in *file* from *start* on: mapped, or else as a copy."""
    try:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))[start:]
    except io.UnsupportedOperation:
        file.seek(start)
        return memoryview(file.read())


def _rows(content: memoryview, layout: Layout, across: int, bands: int = 1, kind: str = "uchar") -> Any:
    """Return all rows, each of *across* pixels of *kind*. Bytes that only fill up the last row need not be there."""
    new = library().Image.new_from_memory
    whole = min(len(content) // layout.row_bytes, layout.height)
    missing = layout.row_bytes * layout.height - len(content)
    if missing > layout.row_bytes - (layout.width * layout.bits + 7) // 8:
        raise OSError(f"{missing:,} bytes of the pixels are missing")
    rows = [new(content[: layout.row_bytes * whole], across, whole, bands, kind)] if whole else []
    if whole < layout.height:
        last = bytes(content[layout.row_bytes * whole :]).ljust(layout.row_bytes, b"\0")
        rows.append(new(last, across, 1, bands, kind))
    return rows[0] if len(rows) == 1 else rows[0].join(rows[1], "vertical")


def _image(content: Any, width: int, height: int, kind: str) -> Any:
    return library().Image.new_from_memory(content, width, height, 1, kind)


def _colours(reader: Reader, layout: Layout, pixels: memoryview) -> Any:
    """Return the pixels as they lie in the file, in bands of grey or of red, green and blue, and perhaps alpha."""
    if layout.bits in (16, 32):
        return _masked(layout, pixels)
    rows = _rows(pixels, layout, layout.row_bytes)
    if layout.bits == 24:
        blue_first = rows.crop(0, 0, 3 * layout.width, layout.height).bandfold(factor=3)
        return _joined([blue_first.extract_band(band) for band in (2, 1, 0)])
    if layout.bits < 8:
        shifts = range(8 - layout.bits, -1, -layout.bits)
        apart = _joined([(rows >> shift) & (2**layout.bits - 1) for shift in shifts])
        rows = apart.cast("uchar").bandunfold(factor=8 // layout.bits)
    return rows.crop(0, 0, layout.width, layout.height).maplut(_palette(reader, layout))


def _palette(reader: Reader, layout: Layout) -> Any:
    """Return the palette as a picture of 256 pixels. What the file leaves out is black."""
    length = layout.palette_entries * layout.palette_entry_bytes
    raw = reader.read(layout.palette_start, length, "the palette")
    step = layout.palette_entry_bytes
    channels = [raw[band::step].ljust(256, b"\0") for band in (2, 1, 0)]
    if channels[0] == channels[1] == channels[2]:
        return _image(channels[0], 256, 1, "uchar")
    return _joined([_image(channel, 256, 1, "uchar") for channel in channels]).copy_memory()


def _masked(layout: Layout, pixels: memoryview) -> Any:
    *colours, alpha = layout.masks
    step = layout.bits // 8
    if layout.bits == 32 and all(mask in _WHOLE_BYTES for mask in layout.masks if mask):
        whole = _rows(pixels, layout, layout.width, bands=4)
        fields = {mask: whole.extract_band(_WHOLE_BYTES[mask]) for mask in layout.masks if mask}
    else:
        whole = _rows(pixels, layout, layout.row_bytes // step, kind="ushort" if step == 2 else "uint")
        if sys.byteorder == "big":
            whole = whole.byteswap()
        whole = whole.crop(0, 0, layout.width, layout.height)
        fields = {mask: _field(whole, mask) for mask in layout.masks if mask}
    nothing = library().Image.black(layout.width, layout.height)
    bands = [fields.get(mask, nothing) for mask in colours]
    if alpha:
        bands.append(fields[alpha])
    return _joined(bands)


def _field(pixels: Any, mask: int) -> Any:
    shift = (mask & -mask).bit_length() - 1
    highest = mask >> shift
    return (((pixels >> shift) & highest) * (_BYTE / highest)).rint().cast("uchar")


def _joined(bands: list[Any]) -> Any:
    first, *others = bands
    return first.bandjoin(others)
