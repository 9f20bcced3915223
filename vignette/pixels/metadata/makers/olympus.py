"""
Olympus and OM System: directories whose offsets count from the note itself, or, in older cameras, from the TIFF stream
(ExifTool, Olympus Tags). Lens and serial numbers stand in a directory within it.
"""

from __future__ import annotations

from typing import Final

from vignette.pixels.metadata.makers.lens_names import lens_name
from vignette.pixels.metadata.makers.note import Directory, Note
from vignette.pixels.metadata.values import Fields

_SERIAL_OLD, _SERIAL_OF_CAMERA, _EQUIPMENT = 0x0404, 0x101A, 0x2010
_SERIAL, _INTERNAL_SERIAL, _LENS_TYPE, _LENS_SERIAL, _LENS_MODEL, _EXTENDER_SERIAL = (
    *(0x0101, 0x0102),
    *(0x0201, 0x0202, 0x0203),
    0x0302,
)

# Where the directory begins behind each signature. The byte order stands in the four bytes before that.
_WITH_OWN_OFFSETS: Final = {b"OLYMPUS\0": 12, b"OM SYSTEM\0": 16}
_WITHOUT: Final = (b"OLYMP\0", b"EPSON\0")
_HEADER_BYTES: Final = 8

_POINTERS: Final = (4, 13)  # LONG, IFD
_TYPE_NUMBERS: Final = 4


def read(note: Note) -> Fields:
    found = _directory(note)
    if found is None:
        return {}
    equipment = _equipment(note, found)
    model = equipment[_LENS_MODEL].text
    serial = equipment[_SERIAL].text or found[_SERIAL_OLD].text or found[_SERIAL_OF_CAMERA].text
    return {
        "Lens": _lens(equipment) or model,
        "LensModel": model,
        "SerialNumber": serial,
        "InternalSerialNumber": equipment[_INTERNAL_SERIAL].text,
        "LensSerialNumber": equipment[_LENS_SERIAL].text,
        "ExtenderSerialNumber": equipment[_EXTENDER_SERIAL].text,
    }


def _directory(note: Note) -> Directory | None:
    for signature, length in _WITH_OWN_OFFSETS.items():
        if note.begins(signature):
            at = note.start + length
            return note.directory(at, note.start, note.own_order(at - 4))
    return note.directory(note.start + _HEADER_BYTES, 0) if any(map(note.begins, _WITHOUT)) else None


def _equipment(note: Note, found: Directory) -> Directory:
    value = found[_EQUIPMENT]
    at = found.base + value.numbers[0] if value.kind in _POINTERS and value.numbers else value.at
    return note.directory(at, found.base) if at else Directory({}, found.order, found.base)


def _lens(equipment: Directory) -> str:
    numbers = equipment[_LENS_TYPE].numbers
    if len(numbers) < _TYPE_NUMBERS:
        return ""
    maker, _, model, sub_model, *_ = numbers
    return lens_name("olympus", f"{maker:x} {model:02x} {sub_model:02x}")
