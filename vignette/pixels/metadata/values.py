"""
Makes the values of a description: numbers and strings as they are, all else as an object that names its "type".

Each can be written as JSON and read back without loss. `docs/metadata.md` lists the types.
"""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

Fields = dict[str, Any]
"""A JSON object: values under their names."""


def rational(numerator: int, denominator: int) -> Fields:
    value = numerator / denominator if denominator else None
    return {"type": "rational", "numerator": numerator, "denominator": denominator, "value": value}


def real(value: float) -> float | Fields:
    """Return *value*; for NaN and the infinities, which JSON lacks, an object with their name."""
    if math.isfinite(value):
        return value
    name = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return {"type": "float", "value": None, "text": name}


def binary(raw: bytes | memoryview) -> Fields:
    return {"type": "bytes", "length": len(raw), "base64": _base64(raw)}


def left_out(length: int) -> Fields:
    """Make the object for bytes that are not kept: it tells only their *length*."""
    return {"type": "bytes", "length": length}


def packed(raw: bytes | memoryview, element: str, count: int, *, little_endian: bool) -> Fields:
    """Keep an array that is too long for a list of numbers: its bytes as in the file, and how to read them."""
    order = "little" if little_endian else "big"
    return {"type": "packed", "element": element, "count": count, "byte_order": order, "base64": _base64(raw)}


def utf_8_or_latin_1(raw: bytes) -> str:
    """Decode *raw* as UTF-8 if it is valid, else as Latin-1, which gives every byte a character: no byte is lost."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def as_iso_8601(value: Any, kind: str) -> str | None:
    """Return *value* in ISO 8601 if it is an object of type *kind* ("datetime", "date", "time"); else None."""
    match value:
        case {"type": found, "value": str() as text} if found == kind:
            return text
        case _:
            return None


def as_number(value: Any) -> float | None:
    """Return the number that *value* holds, or the first one of a list; None if there is no finite number."""
    match value:
        case [first, *_]:
            return as_number(first)
        case {"type": "rational", "value": float() | int() as number}:
            return float(number)
        case int() | float() if math.isfinite(value):
            return float(value)
        case _:
            return None


def as_numbers(value: Any) -> list[float | None]:
    items: Sequence[Any] = value if isinstance(value, list) else [value]
    return [as_number(item) for item in items]


class UniqueNames:
    """
    Collects values under names that should occur once.

    The first value keeps the name. Further values that differ from the first are called "name#2", "name#3" …
    """

    def __init__(self) -> None:
        self.fields: Fields = {}
        self._counts: Counter[str] = Counter()

    def put(self, name: str, value: Any) -> bool:
        """Put *value* under *name*, or under a numbered name; return whether *name* itself holds it."""
        if name not in self._counts:
            self._counts[name] = 1
            self.fields[name] = value
            return True
        if self.fields[name] == value:
            return True
        self._counts[name] += 1
        self.fields[f"{name}#{self._counts[name]}"] = value
        return False


def _base64(raw: bytes | memoryview) -> str:
    return base64.b64encode(raw).decode("ascii")
