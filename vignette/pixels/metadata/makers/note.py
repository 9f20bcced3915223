"""A maker's note, and the directories in it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vignette.limits import KIB

# The largest directories of cameras have some hundred entries.
MAX_ENTRIES: Final = 512
# What is read of a value: a text, a few numbers, or the beginning of a block.
MAX_VALUE_BYTES: Final = 2 * KIB
MAX_TEXT_CHARS: Final = 200

LINK_BYTES: Final = 4
"""The link to the next directory, which ends a directory of TIFF."""

_ENTRY_BYTES: Final = 12
_INLINE_BYTES: Final = 4
# The type codes of TIFF, by the bytes of one value.
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_CODES: Final = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I"}
_RATIONALS: Final = {5: "I", 10: "i"}


@dataclass(frozen=True, slots=True)
class Note:
    """The note of a camera, *length* bytes at *start* of the TIFF *stream*, whose byte order is *order*: "<" or ">"."""

    stream: memoryview
    start: int
    length: int
    order: str
    make: str = ""
    model: str = ""

    def begins(self, signature: bytes) -> bool:
        return bytes(self.stream[self.start : self.start + len(signature)]) == signature

    @property
    def end(self) -> int:
        return min(self.start + self.length, len(self.stream))

    def directory(self, at: int, base: int, order: str = "", gap: int = LINK_BYTES) -> Directory:
        """
        Return the directory at the offset *at* of the stream, whose offsets count from *base*.

        A program that moves a note leaves its offsets as they were. If they lead out of the note, they count from where
        they would lead to the first value, which stands *gap* bytes behind the directory.

        Without *order*, it is that in which the directory has the fewer entries.
        """
        return _directory(self, at, base, order or self._likely_order(at), gap)

    def own_order(self, at: int) -> str:
        """Return the byte order that the mark "II" or "MM" at the offset *at* names; "" if there is none."""
        return {b"II": "<", b"MM": ">"}.get(bytes(self.stream[at : at + 2]), "")

    def number(self, at: int, order: str) -> int:
        """Return the 32 bits at the offset *at*; 0 if they are not there."""
        raw = self.stream[at : at + 4]
        return int(struct.unpack(f"{order}I", raw)[0]) if len(raw) == 4 else 0

    def _likely_order(self, at: int) -> str:
        raw = bytes(self.stream[at : at + 2])
        counts = {order: int.from_bytes(raw, "little" if order == "<" else "big") for order in (self.order, "<", ">")}
        # No directory has as many entries as the wrong order would make of it.
        return min((order for order in counts if counts[order]), key=counts.__getitem__, default=self.order)


@dataclass(frozen=True, slots=True)
class Value:
    """The first `MAX_VALUE_BYTES` of a value of the TIFF type *kind*, which lies at the offset *at* of the stream."""

    kind: int
    raw: bytes
    order: str
    at: int

    @property
    def text(self) -> str:
        """The text up to its NUL, if all of it can be shown; else ""."""
        text = self.raw.partition(b"\0")[0].decode("latin-1").strip()
        return text if text.isprintable() and len(text) <= MAX_TEXT_CHARS else ""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The whole numbers; none if these are no such numbers."""
        code = _CODES.get(self.kind)
        if code is None:
            return ()
        count = len(self.raw) // _SIZES[self.kind]
        return struct.unpack_from(f"{self.order}{count}{code}", self.raw)

    @property
    def quotients(self) -> tuple[float | None, ...]:
        """The rational numbers; none if these are no such numbers. A number over 0 is unknown."""
        code = _RATIONALS.get(self.kind)
        if code is None:
            return ()
        pairs = struct.iter_unpack(f"{self.order}2{code}", self.raw[: len(self.raw) // 8 * 8])
        return tuple(numerator / denominator if denominator else None for numerator, denominator in pairs)


NOTHING: Final = Value(0, b"", "<", 0)


@dataclass(frozen=True, slots=True)
class Directory:
    """The values of a directory by their tags; a tag that is not there, or cannot be read, has the value `NOTHING`."""

    values: dict[int, Value]
    order: str
    base: int

    def __getitem__(self, tag: int) -> Value:
        return self.values.get(tag, NOTHING)


def _directory(note: Note, at: int, base: int, order: str, gap: int) -> Directory:
    entries = list(_entries(note.stream, at, order))
    base = _true_base(note, at, base, order, gap, entries)
    values: dict[int, Value] = {}
    for where, (tag, kind, count, inline) in entries:
        length = _SIZES[kind] * count
        place = where if length <= _INLINE_BYTES else base + struct.unpack(f"{order}I", inline)[0]
        if place >= 0 and place + length <= len(note.stream):
            raw = bytes(note.stream[place : place + min(length, MAX_VALUE_BYTES)])
            values.setdefault(tag, Value(kind, raw, order, place))
    return Directory(values, order, base)


def _entries(stream: memoryview, at: int, order: str) -> Iterator[tuple[int, tuple[int, int, int, bytes]]]:
    """Yield each entry of a known type: the offset of its inline value, and tag, type, count and inline value."""
    if not 0 <= at <= len(stream) - 2:
        return
    (count,) = struct.unpack_from(f"{order}H", stream, at)
    table = stream[at + 2 : at + 2 + _ENTRY_BYTES * min(count, MAX_ENTRIES)]
    table = table[: len(table) // _ENTRY_BYTES * _ENTRY_BYTES]
    for number, entry in enumerate(struct.iter_unpack(f"{order}HHI4s", table)):
        if entry[1] in _SIZES:
            yield at + 2 + _ENTRY_BYTES * number + 8, entry


def _true_base(
    note: Note, at: int, base: int, order: str, gap: int, entries: list[tuple[int, tuple[int, int, int, bytes]]]
) -> int:
    """Return from where the offsets count: *base*, unless another place puts more of the values into the note."""
    spans: list[tuple[int, int]] = [
        (struct.unpack(f"{order}I", inline)[0], _SIZES[kind] * count)
        for _, (_, kind, count, inline) in entries
        if _SIZES[kind] * count > _INLINE_BYTES
    ]
    if not spans:
        return base
    count = int.from_bytes(note.stream[at : at + 2], "little" if order == "<" else "big")
    behind = at + 2 + _ENTRY_BYTES * count
    first = min(spans)[0]

    def within(candidate: int) -> int:
        return sum(note.start <= candidate + offset <= note.end - length for offset, length in spans)

    # `max` returns the first of those that are equally good.
    return max((base, note.start, behind + gap - first), key=within)
