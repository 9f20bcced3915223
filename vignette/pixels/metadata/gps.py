"""
Computes place and time as plain numbers, from the GPS directory of EXIF (EXIF 3.0) or from XMP.

The standards know one way to write a coordinate each. Programs write more, and all of those that leave no doubt are
read: decimals, rationals and marks in text, references as words, signs.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from vignette.pixels.metadata.values import Fields, as_iso_8601, as_number, as_numbers

# The ninth decimal of a degree is a tenth of a millimetre: no receiver is more precise.
_DECIMALS: Final = 9

# No coordinate is longer. A text of megabytes is not worth the search.
_MAX_CHARS: Final = 100

_NUMBER: Final = r"\d{1,12}(?:\.\d{1,15})?(?:/\d{1,12})?"
_BETWEEN: Final = r"(?:[°º˚'′’\"″”,:;\s]|deg(?:rees)?|min(?:utes)?|sec(?:onds)?)"
_REFERENCE: Final = r"N(?:orth)?|S(?:outh)?|E(?:ast)?|W(?:est)?"
# "38,53.4142N" or "38,53,24.85N" (XMP specification part 2, GPSCoordinate), and all else that programs make of it.
_COORDINATE: Final = re.compile(
    rf"({_REFERENCE})?\s*([+-])?({_NUMBER})(?:{_BETWEEN}+({_NUMBER}))?(?:{_BETWEEN}+({_NUMBER}))?{_BETWEEN}*"
    rf"({_REFERENCE})?",
    re.ASCII | re.IGNORECASE,
)
_ALTITUDE: Final = re.compile(rf"([+-])?({_NUMBER})\s*(?:m|met(?:re|er)s?)?", re.ASCII | re.IGNORECASE)
_BELOW: Final = ("1", "3", "\1", "\3")


@dataclass(frozen=True, slots=True)
class _Axis:
    """A coordinate: the references that mean positive and negative degrees, and the most degrees that it has."""

    positive: str
    negative: str
    limit: int


_LATITUDE: Final = _Axis("NORTH", "SOUTH", 90)
_LONGITUDE: Final = _Axis("EAST", "WEST", 180)


def position(gps: Mapping[str, Any]) -> Fields:
    """
    Compute latitude and longitude (degrees; south and west negative), altitude (metres; negative below the sea or the
    ellipsoid) and timestamp (UTC, ISO 8601); leave out each that cannot be computed.

    A coordinate without its reference (N, S, E, W) is left out: it could lie on either half of the world.
    """
    found = {
        "latitude": _coordinate(gps.get("GPSLatitude"), gps.get("GPSLatitudeRef"), _LATITUDE),
        "longitude": _coordinate(gps.get("GPSLongitude"), gps.get("GPSLongitudeRef"), _LONGITUDE),
        "altitude": _altitude(gps.get("GPSAltitude"), gps.get("GPSAltitudeRef")),
        "timestamp": _timestamp(gps.get("GPSDateStamp"), gps.get("GPSTimeStamp")),
    }
    return {name: value for name, value in found.items() if value is not None}


def xmp_position(texts: Mapping[str, str]) -> Fields:
    """
    Compute latitude, longitude and altitude, as `position`, from the *texts* of XMP by their names without a prefix.

    Decimal degrees without a reference are signed, as everywhere but in EXIF (ISO 6709).
    """
    found = {
        "latitude": _from_text(texts["GPSLatitude"], texts["GPSLatitudeRef"], _LATITUDE, may_be_signed=True),
        "longitude": _from_text(texts["GPSLongitude"], texts["GPSLongitudeRef"], _LONGITUDE, may_be_signed=True),
        "altitude": _altitude(texts["GPSAltitude"], texts["GPSAltitudeRef"]),
    }
    return {name: value for name, value in found.items() if value is not None}


def _coordinate(value: Any, reference: Any, axis: _Axis) -> float | None:
    if isinstance(value, str):
        return _from_text(value, reference if isinstance(reference, str) else "", axis)
    parts = as_numbers(value)
    if not parts or parts[0] is None or len(parts) > 3 or not isinstance(reference, str):
        return None
    # A writer that does not know the seconds, or the minutes, puts 0/0 there.
    return _signed([part or 0.0 for part in parts], _sign(reference, axis), axis)


def _from_text(text: str, reference: str, axis: _Axis, *, may_be_signed: bool = False) -> float | None:
    match = _COORDINATE.fullmatch(text.strip()) if len(text) <= _MAX_CHARS else None
    if match is None:
        return None
    before, minus, *numbers, behind = match.groups()
    parts = [_quotient(number) for number in numbers if number]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or any(part >= 60 for part in known[1:]):
        return None
    signs = {_sign(word, axis) for word in (before, behind, reference) if word}
    if minus == "-":
        signs.add(-1)
    elif not signs and may_be_signed and len(known) == 1:
        signs.add(1)
    return _signed(known, signs.pop(), axis) if len(signs) == 1 else None


def _sign(reference: str, axis: _Axis) -> int:
    """Return 1 or -1, by a *reference* such as "N" or "North"; 0 if it is none of this *axis*."""
    word = reference.strip().upper()
    return 1 if word in (axis.positive, axis.positive[0]) else -1 if word in (axis.negative, axis.negative[0]) else 0


def _signed(parts: list[float], sign: int, axis: _Axis) -> float | None:
    degrees = sum(part / 60.0**power for power, part in enumerate(parts))
    return round(sign * degrees, _DECIMALS) if sign and 0 <= degrees <= axis.limit else None


def _quotient(text: str) -> float | None:
    numerator, _, denominator = text.partition("/")
    divisor = int(denominator or 1)
    return float(numerator) / divisor if divisor else None


def _altitude(value: Any, reference: Any) -> float | None:
    metres = _metres(value) if isinstance(value, str) else as_number(value)
    if metres is None:
        return None
    return -abs(metres) if _is_below(reference) else metres


def _metres(text: str) -> float | None:
    match = _ALTITUDE.fullmatch(text.strip()) if len(text) <= _MAX_CHARS else None
    metres = _quotient(match[2]) if match else None
    return -metres if match and match[1] == "-" and metres is not None else metres


def _is_below(reference: Any) -> bool:
    """0 and 2 are above the ellipsoid and the sea, 1 and 3 below (EXIF 3.0). EXIF's default is 0."""
    match reference:
        case str():
            return reference.strip(" \0") in _BELOW or "below" in reference[:_MAX_CHARS].lower()
        case {"type": "bytes", "base64": encoded, "length": 1}:
            return base64.b64decode(encoded) in (b"\1", b"\3")
        case _:
            return as_number(reference) in (1, 3, ord("1"), ord("3"))


def _timestamp(date: Any, time: Any) -> str | None:
    day, numbers = as_iso_8601(date, "date"), as_numbers(time)
    if day is None or len(numbers) != 3:
        return None
    hours, minutes, seconds = numbers
    if hours is None or minutes is None or seconds is None:
        return None
    if not (0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 61):
        return None
    try:
        at = datetime.fromisoformat(day) + timedelta(hours=hours, minutes=minutes, seconds=round(seconds, 6))
    except (OverflowError, ValueError):  # a month or a year is no day
        return None
    return f"{at.isoformat()}Z"
