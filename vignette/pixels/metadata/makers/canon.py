"""Canon: a directory without a header, whose offsets count from the TIFF stream (ExifTool, Canon Tags)."""

from __future__ import annotations

import math
import re
from typing import Final

from vignette.pixels.metadata import lens
from vignette.pixels.metadata.makers.lens_names import Numbers, lens_name
from vignette.pixels.metadata.makers.note import Directory, Note
from vignette.pixels.metadata.values import Fields

_CAMERA_SETTINGS, _OWNER, _SERIAL, _FILE_INFO = 0x0001, 0x0009, 0x000C, 0x0093
_LENS_MODEL, _INTERNAL_SERIAL, _LENS_INFO = 0x0095, 0x0096, 0x4019

# Places in CameraSettings and FileInfo, in words of 16 bits.
_LENS_TYPE, _LONGEST, _SHORTEST, _UNITS, _APERTURE = 22, 23, 24, 25, 26
_RF_LENS_TYPE: Final = 61
_RF_LENS: Final = "61182"

# How Canon's own lenses call themselves; others, and adapters, leave only their numbers.
_OWN_SERIES: Final = ("EF", "RF", "TS-E", "MP-E")

# How many bytes stand between the directory and its first value.
_GAPS: Final = (4, 16, 28)
_LONGER_GAP: Final = 6
_WITH_LONGER_GAP: Final = re.compile(r"\b(20D|350D|REBEL XT|Kiss Digital N)\b")

# In 32nd parts of a stop: f/65,536. A larger number is none.
_MAX_STOPS: Final = 32 * 32

_LENS_SERIAL_BYTES: Final = 5
_MAX_SERIAL_CHARS: Final = 64


def read(note: Note) -> Fields:
    found = _directory(note)
    settings, info = found[_CAMERA_SETTINGS].numbers, found[_FILE_INFO].numbers
    model = found[_LENS_MODEL].text
    named = f"Canon {model}" if model.startswith(_OWN_SERIES) else model
    numbers = _numbers(settings)
    lengths = round(numbers.shortest, 1), round(numbers.longest, 1)
    return {
        "Lens": _lens(settings, info, numbers) or named or lens.by_numbers((*lengths, 0, 0)),
        "LensModel": model,
        "OwnerName": found[_OWNER].text,
        "SerialNumber": _serial(found[_SERIAL].numbers, note.model),
        "InternalSerialNumber": "" if "EOS 5D" in note.model else _internal(found[_INTERNAL_SERIAL].raw),
        "LensSerialNumber": _lens_serial(found[_LENS_INFO].raw),
    }


def _directory(note: Note) -> Directory:
    """Return the directory; of one that was moved, nobody knows how far, only what stands in the directory itself."""
    gaps = (_LONGER_GAP, *_GAPS) if _WITH_LONGER_GAP.search(note.model) else _GAPS
    for gap in gaps:
        found = note.directory(note.start, 0, gap=gap)
        settings = found[_CAMERA_SETTINGS].numbers
        # The first word of the settings is their length in bytes.
        if not settings or settings[0] == len(settings) * 2:
            return found
    return Directory({_SERIAL: found[_SERIAL]}, found.order, found.base)


def _numbers(settings: tuple[int, ...]) -> Numbers:
    if len(settings) <= _APERTURE:
        return Numbers()
    units, aperture = settings[_UNITS] or 1, settings[_APERTURE]
    return Numbers(
        (settings[_SHORTEST] & 0xFFFF) / units,
        (settings[_LONGEST] & 0xFFFF) / units,
        math.sqrt(2) ** _stops(aperture) if 0 < aperture < _MAX_STOPS else 0,
    )


def _lens(settings: tuple[int, ...], info: tuple[int, ...], numbers: Numbers) -> str:
    if len(settings) <= _LENS_TYPE:
        return ""
    of_mount = str(info[_RF_LENS_TYPE] & 0xFFFF) if len(info) > _RF_LENS_TYPE else ""
    number = str(settings[_LENS_TYPE] & 0xFFFF)
    name = lens_name("canon_rf", of_mount) if number == _RF_LENS else ""
    return name or lens_name("canon", number, numbers)


def _stops(value: int) -> float:
    """Convert from Canon's 32nd parts of a stop, of which 12 and 20 mean thirds."""
    whole, part = divmod(value, 32)
    return whole + {12: 1 / 3, 20: 2 / 3}.get(part, part / 32)


def _serial(numbers: tuple[int, ...], model: str) -> str:
    if not numbers or numbers[0] <= 0:
        return ""
    number = numbers[0]
    if "EOS D30" in model:
        return f"{number >> 16:04x}{number & 0xFFFF:05}"
    return f"{number:06}" if "EOS-1D" in model else f"{number:010}"


def _internal(raw: bytes) -> str:
    text = raw.partition(b"\0")[0].rstrip(b"\xff").decode("latin-1").strip()
    return text if text.isprintable() and len(text) <= _MAX_SERIAL_CHARS else ""


def _lens_serial(raw: bytes) -> str:
    serial = raw[:_LENS_SERIAL_BYTES]
    return serial.hex() if len(serial) == _LENS_SERIAL_BYTES and any(serial[:-1]) else ""
