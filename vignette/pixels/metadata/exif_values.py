"""Interprets the values of a TIFF stream: numbers by their type; text and bytes as their tag defines them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

from vignette.pixels.metadata import exif_text, moments, tags, values

# A list of numbers is easy to read, but a hundred times as large as its bytes. So a longer array stays bytes, "packed":
# it is a table for machines, such as the offsets of strips or a linearisation. The first limit holds for one array, the
# second for all arrays of a stream together.
MAX_LIST_NUMBERS: Final = 16_384
MAX_LISTED_NUMBERS: Final = 32_768
# Short BYTE arrays are versions and references (GPSVersionID); long ones are files within the file.
MAX_LISTED_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Type:
    """A field type (TIFF 6.0, section 2): `bytes` of one value, and the `struct` code of each number in it."""

    name: str
    bytes: int
    code: str = "B"


TYPES: Final = {
    1: Type("BYTE", 1),
    2: Type("ASCII", 1),
    3: Type("SHORT", 2, "H"),
    4: Type("LONG", 4, "I"),
    5: Type("RATIONAL", 8, "I"),
    6: Type("SBYTE", 1, "b"),
    7: Type("UNDEFINED", 1),
    8: Type("SSHORT", 2, "h"),
    9: Type("SLONG", 4, "i"),
    10: Type("SRATIONAL", 8, "i"),
    11: Type("FLOAT", 4, "f"),
    12: Type("DOUBLE", 8, "d"),
    13: Type("IFD", 4, "I"),
    129: Type("UTF-8", 1),  # EXIF 3.0
}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a directory. `raw` are the bytes of its value; None if they are too long to be kept."""

    name: str
    type: Type
    count: int
    raw: bytes | None


class ValueReader:
    """Interprets the values of one stream, whose byte order is *order*: "<" or ">", as in `struct`."""

    def __init__(self, order: str) -> None:
        self._order = order
        self._numbers_left = MAX_LISTED_NUMBERS

    def read(self, entry: Entry) -> Any:
        if entry.raw is None:
            return values.left_out(entry.count * entry.type.bytes)
        if not _is_numbers(entry):
            return _interpret(entry, entry.raw, little_endian=self._order == "<")
        numbers = entry.count * (2 if entry.type.name.endswith("RATIONAL") else 1)
        if numbers > min(MAX_LIST_NUMBERS, self._numbers_left):
            return values.packed(entry.raw, entry.type.name, entry.count, little_endian=self._order == "<")
        self._numbers_left -= numbers
        return _numbers(entry.type, entry.raw, self._order)


_NEVER_NUMBERS: Final = tags.BLOBS | tags.UTF_16_TEXTS
_TEXTS: Final = tags.TEXTS | tags.VERSIONS | tags.CODED_TEXTS


def _is_numbers(entry: Entry) -> bool:
    if entry.type.name in ("ASCII", "UTF-8", "UNDEFINED") or entry.name in _NEVER_NUMBERS:
        return False
    return entry.type.name != "BYTE" or (entry.name not in _TEXTS and entry.count <= MAX_LISTED_BYTES)


def _interpret(entry: Entry, raw: bytes, *, little_endian: bool) -> Any:
    """Interpret an entry that holds no numbers: as text or bytes, as its tag defines it or else its type."""
    name = entry.name
    if name in tags.BLOBS:
        return values.binary(raw)
    if name in tags.UTF_16_TEXTS:
        return exif_text.utf_16_text(raw)
    if name in tags.CODED_TEXTS:
        return exif_text.coded_text(raw, little_endian=little_endian)
    if name in tags.CODES and len(raw) == 1:
        return raw[0]
    if entry.type.name in ("ASCII", "UTF-8") or name in _TEXTS:
        return _text(name, raw)
    return values.binary(raw)


def _text(name: str, raw: bytes) -> Any:
    if name in tags.TEXT_LISTS:
        return exif_text.ascii_list(raw)
    text = exif_text.ascii_text(raw)
    if name in tags.DATE_TIMES:
        return moments.moment(text)
    if name in tags.DATES:
        return moments.day(text)
    return text


def _numbers(field_type: Type, raw: bytes, order: str) -> Any:
    count = len(raw) // struct.calcsize(order + field_type.code)
    numbers: tuple[Any, ...] = struct.unpack(f"{order}{count}{field_type.code}", raw)
    if field_type.name in ("RATIONAL", "SRATIONAL"):
        numbers = tuple(values.rational(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True))
    elif field_type.name in ("FLOAT", "DOUBLE"):
        numbers = tuple(values.real(number) for number in numbers)
    return numbers[0] if len(numbers) == 1 else list(numbers)
