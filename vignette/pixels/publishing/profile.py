"""
Writes an ICC profile anew with what converts colours, and nothing else (ICC.1:2022; version 2 is ICC.1:2001-04).

Profiles of screens name the computer, its owner, serial numbers and the day of the measurement. Some programs put whole
files into private tags. So each field and each table that a colour engine reads is taken by its own length, and all
other bytes are left behind: texts, private tags, reserved fields, and whatever lies between or behind the tags.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from typing import Final

HEADER_BYTES: Final = 128
_COUNT: Final = struct.Struct(">I")
_TAG: Final = struct.Struct(">4sII")

DESCRIPTION: Final = "colour profile"
COPYRIGHT: Final = "none"
"""Every profile has to have these two texts. These are the same in all that are written here."""

_CLASSES: Final = (b"scnr", b"mntr", b"prtr", b"spac")
# s15Fixed16Number (7.2.16): the white of all profiles.
_D50: Final = struct.pack(">3i", 63190, 65536, 54061)
_INTENTS: Final = 4

_COLOURS: Final = frozenset({b"wtpt", b"bkpt", b"rXYZ", b"gXYZ", b"bXYZ"})
_CURVES: Final[Mapping[bytes, frozenset[bytes]]] = {
    b"GRAY": frozenset({b"kTRC"}),
    b"RGB ": frozenset({b"rTRC", b"gTRC", b"bTRC"}),
}
_INTO_PROFILE: Final = frozenset({b"B2A0", b"B2A1", b"B2A2", b"gamt"})
_TABLES: Final = frozenset({b"A2B0", b"A2B1", b"A2B2"}) | _INTO_PROFILE
_MATRIX: Final = b"chad"
_CODE_POINTS: Final = b"cicp"

# 10.18: how many parameters a curve of each function type has.
_PARAMETERS: Final = (1, 3, 4, 5, 7)
_MAX_CHANNELS: Final = 16
_MATRIX_BYTES: Final = 36


class Unreadable(ValueError):
    """A table or a curve in a profile is not of the length that it says, or of a type that is unknown."""


def without_names(profile: bytes) -> bytes:
    """
    Return *profile*, a whole one by `containers.icc.fault`, as one that converts colours in the same way.

    Raises:
        Unreadable: What converts the colours cannot be read.
    """
    (count,) = _COUNT.unpack_from(profile, HEADER_BYTES)
    model, written = profile[16:20], dict[bytes, bytes]()
    for name, offset, length in _TAG.iter_unpack(profile[HEADER_BYTES + 4 : HEADER_BYTES + 4 + _TAG.size * count]):
        take = _taker(name, model)
        if take is not None and name not in written:
            # Nothing reads the tables back into the profile to show a picture.
            with suppress(Unreadable) if name in _INTO_PROFILE else nullcontext():
                written[name] = take(_Element(profile[offset : offset + length], name))
    texts = _texts_of_version_2() if profile[8] < 4 else _texts_of_version_4()
    return _put_together(profile, texts | written)


class _Element:
    """The bytes of a tag; `take` gives some of them, and raises `Unreadable` if they are not there."""

    def __init__(self, content: bytes, name: bytes) -> None:
        self.content = content
        self._name = name.decode("latin-1")

    @property
    def kind(self) -> bytes:
        return self.content[:4]

    def take(self, start: int, length: int) -> bytes:
        taken = self.content[start : start + length]
        if len(taken) < length:
            raise Unreadable(f"its tag {self._name!r} needs {start + length:,} bytes and has {len(self.content):,}")
        return taken

    def number(self, start: int, length: int = 4) -> int:
        return int.from_bytes(self.take(start, length), "big")

    def unknown(self) -> Unreadable:
        return Unreadable(f"its tag {self._name!r} is of the type {self.kind.decode('latin-1')!r}")


def _taker(name: bytes, model: bytes) -> Callable[[_Element], bytes] | None:
    if name in _COLOURS:
        return lambda element: _fixed(element, b"XYZ ", 12)
    if name in _CURVES.get(model, ()):
        return lambda element: _curve(element, 0)
    if name in _TABLES:
        return _table
    if name == _MATRIX:
        return lambda element: _fixed(element, b"sf32", _MATRIX_BYTES)
    return (lambda element: _fixed(element, b"cicp", 4)) if name == _CODE_POINTS else None


def _fixed(element: _Element, kind: bytes, length: int) -> bytes:
    if element.kind != kind:
        raise element.unknown()
    return kind + bytes(4) + element.take(8, length)


def _curve(element: _Element, start: int) -> bytes:
    """Return a curveType (10.6) or a parametricCurveType (10.18) that begins at *start*."""
    kind = element.take(start, 4)
    if kind == b"curv":
        return kind + bytes(4) + element.take(start + 8, 4 + 2 * element.number(start + 8))
    function = element.number(start + 8, 2)
    if kind != b"para" or function >= len(_PARAMETERS):
        raise element.unknown()
    return kind + bytes(4) + struct.pack(">Hxx", function) + element.take(start + 12, 4 * _PARAMETERS[function])


def _table(element: _Element) -> bytes:
    readers: Mapping[bytes, Callable[[_Element], bytes]] = {
        b"mft1": lambda table: _lookup(table, 48, 256, 256, 1),
        b"mft2": lambda table: _lookup(table, 52, table.number(48, 2), table.number(50, 2), 2),
        b"mAB ": _stages,
        b"mBA ": _stages,
    }
    if element.kind not in readers:
        raise element.unknown()
    return readers[element.kind](element)


def _lookup(element: _Element, head: int, entries: int, out_entries: int, size: int) -> bytes:
    """Return a lut8Type (10.10) or a lut16Type (10.9): matrix, tables of the input, grid, tables of the output."""
    inputs, outputs, points = element.take(8, 3)
    length = size * (inputs * entries + _grid([points] * inputs) * outputs + outputs * out_entries)
    return element.kind + bytes(4) + bytes([inputs, outputs, points, 0]) + element.take(12, head - 12 + length)


def _stages(element: _Element) -> bytes:
    """Return a lutAToBType (10.12) or a lutBToAType (10.13), its stages one after the other."""
    inputs, outputs = element.take(8, 2)
    # B curves, matrix, M curves, colour table, A curves: an offset of 0 stands for none.
    places = struct.unpack(">5I", element.take(12, 20))
    of_b, of_a = (outputs, inputs) if element.kind == b"mAB " else (inputs, outputs)
    readers: tuple[Callable[[int], bytes], ...] = (
        lambda start: _curves(element, start, of_b),
        lambda start: element.take(start, _MATRIX_BYTES + 12),
        lambda start: _curves(element, start, 3),
        lambda start: _colour_table(element, start, inputs, outputs),
        lambda start: _curves(element, start, of_a),
    )
    offsets, body = [], b""
    for start, read in zip(places, readers, strict=True):
        offsets.append(32 + len(body) if start else 0)
        body += _padded(read(start)) if start else b""
    return element.kind + bytes(4) + bytes([inputs, outputs, 0, 0]) + struct.pack(">5I", *offsets) + body


def _curves(element: _Element, start: int, count: int) -> bytes:
    curves = b""
    for _ in range(count):
        curves += _padded(_curve(element, start + len(curves)))
    return curves


def _colour_table(element: _Element, start: int, inputs: int, outputs: int) -> bytes:
    if inputs > _MAX_CHANNELS:
        raise element.unknown()
    points, size = element.take(start, inputs), element.number(start + _MAX_CHANNELS, 1)
    values = element.take(start + _MAX_CHANNELS + 4, _grid(list(points)) * outputs * size)
    return points.ljust(_MAX_CHANNELS, b"\0") + bytes([size, 0, 0, 0]) + values


def _grid(points: list[int]) -> int:
    # A table that claims more than the tag holds is refused by `take`, however large the number.
    return math.prod(points)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)


def _texts_of_version_2() -> dict[bytes, bytes]:
    words = DESCRIPTION.encode() + b"\0"
    # textDescriptionType (ICC.1:2001-04, 6.5.17): in ASCII; no Unicode; no text of the Macintosh, in a field of 67.
    description = b"desc" + bytes(4) + _COUNT.pack(len(words)) + words + bytes(4 + 4 + 2 + 1 + 67)
    return {b"desc": description, b"cprt": b"text" + bytes(4) + COPYRIGHT.encode() + b"\0"}


def _texts_of_version_4() -> dict[bytes, bytes]:
    return {b"desc": _localised(DESCRIPTION), b"cprt": _localised(COPYRIGHT)}


def _localised(words: str) -> bytes:
    encoded = words.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(encoded), 28) + encoded


def _put_together(profile: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    start = HEADER_BYTES + 4 + _TAG.size * len(tags)
    table, body = b"", bytearray()
    places: dict[bytes, int] = {}
    for name, content in tags.items():
        # Tags of the same content share it, as most profiles have it for the curves of red, green and blue.
        if content not in places:
            places[content] = start + len(body)
            body += _padded(content)
        table += _TAG.pack(name, places[content], len(content))
    return _header(profile, start + len(body)) + _COUNT.pack(len(tags)) + table + bytes(body)


def _header(profile: bytes, size: int) -> bytes:
    """Return a header (7.2) without program, date, platform, flags, maker, model, attributes, creator and ID."""
    kind = profile[12:16] if profile[12:16] in _CLASSES else b"mntr"
    (intent,) = struct.unpack_from(">I", profile, 64)
    header = struct.pack(">I4x2s2x4s8s", size, profile[8:10], kind, profile[16:24])
    header = header.ljust(36, b"\0") + b"acsp"
    header = header.ljust(64, b"\0") + struct.pack(">I", intent if intent < _INTENTS else 0) + _D50
    return header.ljust(HEADER_BYTES, b"\0")
