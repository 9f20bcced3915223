"""
Panasonic, and the cameras that it makes for Leica: a directory behind a header, whose offsets count from the TIFF
stream (ExifTool, Panasonic Tags).
"""

from __future__ import annotations

from typing import Final

from vignette.pixels.metadata.makers.note import Note
from vignette.pixels.metadata.values import Fields

_INTERNAL_SERIAL, _LENS_TYPE, _LENS_SERIAL, _ACCESSORY_SERIAL = 0x0025, 0x0051, 0x0052, 0x0054

_HEADERS: Final = {b"Panasonic\0": 12, b"LEICA CAMERA AG\0": 18, b"LEICA\0\0\0": 8}
_NO_LENS: Final = ("N/A", "NO-LENS", "MANUAL")


def read(note: Note) -> Fields:
    header = next((length for signature, length in _HEADERS.items() if note.begins(signature)), None)
    if header is None:
        return {}
    # The DC-FT7 counts 12 bytes less than all others.
    found = note.directory(note.start + header, 12 if note.model == "DC-FT7" else 0, gap=0)
    lens = found[_LENS_TYPE].text
    return {
        "Lens": "" if lens.upper() in _NO_LENS else lens,
        "InternalSerialNumber": found[_INTERNAL_SERIAL].text,
        "LensSerialNumber": found[_LENS_SERIAL].text,
        "AccessorySerialNumber": found[_ACCESSORY_SERIAL].text,
    }
