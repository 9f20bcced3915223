"""Fujifilm: "FUJIFILM", the offset of a directory, all counted from the note itself (ExifTool, FujiFilm Tags)."""

from __future__ import annotations

from typing import Final

from vignette.pixels.metadata import lens
from vignette.pixels.metadata.makers.note import Note
from vignette.pixels.metadata.values import Fields

_INTERNAL_SERIAL: Final = 0x0010
_SHORTEST, _LONGEST, _WIDE_OPEN, _WIDE_OPEN_AT_LONGEST = 0x1404, 0x1405, 0x1406, 0x1407

_SIGNATURES: Final = (b"FUJIFILM", b"GENERALE")
_OFFSET_AT: Final = 8


def read(note: Note) -> Fields:
    if not any(map(note.begins, _SIGNATURES)):
        return {}
    found = note.directory(note.start + note.number(note.start + _OFFSET_AT, "<"), note.start, "<")
    tags = (_SHORTEST, _LONGEST, _WIDE_OPEN, _WIDE_OPEN_AT_LONGEST)
    numbers = [next(iter(found[tag].quotients), None) for tag in tags]
    return {"Lens": lens.by_numbers(numbers), "InternalSerialNumber": found[_INTERNAL_SERIAL].text}
