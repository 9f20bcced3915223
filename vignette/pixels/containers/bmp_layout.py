"""
Where the pixels of a BMP are, and what their bits mean (MS-WMF 2.2.2; "Bitmap Header Types", Win32).

Readers differ in what they make of odd bitmaps. This follows Chromium: masks count where the compression says so, the
mask of an alpha counts in every header that has one, and a palette may be shorter than its indices.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from vignette.errors import UnsupportedFormat
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import OS2_HEADER_BYTES

RGB, RLE8, RLE4, BITFIELDS, ALPHA_BITFIELDS = 0, 1, 2, 3, 6

FILE_HEADER_BYTES: Final = 14

_START: Final = struct.Struct("<I")
_CORE: Final = struct.Struct("<HHHH")
_INFO: Final = struct.Struct("<iiHHIIiiI")
_MASKS: Final = struct.Struct("<IIII")
_PROFILE: Final = struct.Struct("<II")

_CORE_BYTES, _INFO_BYTES, _V2_BYTES, _V3_BYTES = 12, 40, 52, 56
_V4_BYTES, _V5_BYTES = 108, 124
_COLOUR_SPACE_AT, _PROFILE_AT = 56, 112
_EMBEDDED: Final = b"DEBM"  # PROFILE_EMBEDDED, "MBED" as a number

_DEFAULT_MASKS: Final = {16: (0x7C00, 0x03E0, 0x001F, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}
_MOST_MASK_BITS: Final = 24
_MOST_BITS: Final = 32


@dataclass(frozen=True, slots=True)
class Layout:
    """
    `masks` are those of red, green, blue and alpha; 0 stands for none. The palette's `palette_entries` are blue, green
    and red, in `palette_entry_bytes`. `profile` is (offset, length) of an ICC profile.
    """

    width: int
    height: int
    bits: int
    compression: int
    data_start: int
    is_top_down: bool
    masks: tuple[int, int, int, int]
    palette_start: int
    palette_entries: int
    palette_entry_bytes: int
    profile: tuple[int, int] | None

    @property
    def row_bytes(self) -> int:
        """How many bytes a row takes that is not compressed."""
        return (self.width * self.bits + 31) // 32 * 4

    @property
    def is_run_length(self) -> bool:
        return self.compression in (RLE8, RLE4)


def read_layout(reader: Reader) -> Layout:
    """
    Return the layout of a BMP whose header is one of `formats.BMP_HEADER_BYTES` long.

    Raises:
        BrokenImage: The header is cut off.
        UnsupportedFormat: A mask has gaps, or two masks overlap.
    """
    (data_start,) = reader.unpack(_START, 10, "the file header")
    (header_bytes,) = reader.unpack(_START, FILE_HEADER_BYTES, "the bitmap header")
    at = FILE_HEADER_BYTES + 4
    if header_bytes == _CORE_BYTES:
        width, height, _, bits = reader.unpack(_CORE, at, "the bitmap header")
        compression, colours = RGB, 0
    else:
        told = reader.read(at, min(header_bytes - 4, _INFO.size), "the bitmap header")
        width, height, _, bits, compression, _, _, _, colours = _INFO.unpack(told.ljust(_INFO.size, b"\0"))
    masks, masks_end = _masks(reader, header_bytes, compression, bits)
    entry_bytes = 3 if header_bytes == _CORE_BYTES else 4
    room = max(data_start - masks_end, 0) // entry_bytes
    entries = min(colours or 1 << min(bits, 8), room, 256) if bits <= 8 else 0
    return Layout(
        width=width,
        height=abs(height),
        bits=bits,
        compression=compression,
        data_start=data_start,
        is_top_down=height < 0,
        masks=masks,
        palette_start=masks_end,
        palette_entries=entries,
        palette_entry_bytes=entry_bytes,
        profile=_profile(reader, header_bytes),
    )


def _masks(reader: Reader, header_bytes: int, compression: int, bits: int) -> tuple[tuple[int, int, int, int], int]:
    """Return the masks, and where they and the header end."""
    end = FILE_HEADER_BYTES + header_bytes
    red, green, blue, alpha = _DEFAULT_MASKS.get(bits, (0, 0, 0, 0))
    has_masks = header_bytes >= _V2_BYTES and header_bytes not in OS2_HEADER_BYTES
    are_told = compression in (BITFIELDS, ALPHA_BITFIELDS) and bits in _DEFAULT_MASKS
    if are_told and not has_masks:
        length = 16 if compression == ALPHA_BITFIELDS else 12
        told = _MASKS.unpack(reader.read(end, length, "the masks").ljust(16, b"\0"))
        end += length
    elif has_masks and bits in _DEFAULT_MASKS:
        told = _MASKS.unpack(
            reader.read(FILE_HEADER_BYTES + _INFO_BYTES, min(header_bytes, _V3_BYTES) - _INFO_BYTES, "the masks").ljust(
                16, b"\0"
            )
        )
    else:
        told = (0, 0, 0, 0)
    if are_told and any(told[:3]):
        red, green, blue = told[:3]
    if are_told or (header_bytes in (_V4_BYTES, _V5_BYTES) and bits == _MOST_BITS):
        alpha = told[3]
    masks = (red, green, blue, alpha)
    _check_masks(masks)
    return masks, end


def _check_masks(masks: tuple[int, int, int, int]) -> None:
    taken = 0
    for mask in masks:
        bits = mask >> _shift(mask)
        if bits & (bits + 1) or bits.bit_length() > _MOST_MASK_BITS or mask & taken:
            words = ", ".join(f"{one:08x}" for one in masks)
            raise UnsupportedFormat(f"a BMP with the masks {words}, which overlap or have gaps, is not supported")
        taken |= mask


def _shift(mask: int) -> int:
    return (mask & -mask).bit_length() - 1 if mask else 0


def _profile(reader: Reader, header_bytes: int) -> tuple[int, int] | None:
    if header_bytes != _V5_BYTES:
        return None
    if reader.read(FILE_HEADER_BYTES + _COLOUR_SPACE_AT, 4, "the bitmap header") != _EMBEDDED:
        return None
    offset, length = reader.unpack(_PROFILE, FILE_HEADER_BYTES + _PROFILE_AT, "the bitmap header")
    return FILE_HEADER_BYTES + offset, length
