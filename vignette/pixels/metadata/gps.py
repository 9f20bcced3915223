"""Computes place and time as plain numbers, from the GPS directory of EXIF (EXIF 3.0) or from XMP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from vignette.pixels.metadata.values import Fields, as_iso_8601, as_number, as_numbers

# The ninth decimal of a degree is a tenth of a millimetre: no receiver is more precise.
_DECIMALS: Final = 9

# "38,53.4142N" or "38,53,24.85N" (XMP specification part 2, GPSCoordinate).
_XMP_COORDINATE: Final = re.compile(
    r"(\d{1,3}),(\d{1,2}(?:\.\d{1,15})?)(?:,(\d{1,2}(?:\.\d{1,15})?))?([NSEW])", re.ASCII
)


def position(gps: Mapping[str, Any]) -> Fields:
    """
    Compute latitude and longitude (degrees; south and west negative), altitude (metres; negative below the sea or the
    ellipsoid) and timestamp (UTC, ISO 8601); leave out each that cannot be computed.

    A coordinate without its reference (N, S, E, W) is left out: it could lie on either half of the world.
    """
    found = {
        "latitude": _coordinate(gps.get("GPSLatitude"), gps.get("GPSLatitudeRef"), "NS", 90),
        "longitude": _coordinate(gps.get("GPSLongitude"), gps.get("GPSLongitudeRef"), "EW", 180),
        "altitude": _altitude(gps.get("GPSAltitude"), gps.get("GPSAltitudeRef")),
        "timestamp": _timestamp(gps.get("GPSDateStamp"), gps.get("GPSTimeStamp")),
    }
    return {name: value for name, value in found.items() if value is not None}


def xmp_coordinate(text: str, references: str, limit: int) -> float | None:
    """
    Return the degrees of *text*, an XMP GPSCoordinate; None if it is none, or over *limit*.

    *references* are the two letters that it may end in; the first means positive degrees, the second negative ones.
    """
    match = _XMP_COORDINATE.fullmatch(text.strip()) if len(text) <= 64 else None
    if match is None:
        return None
    *parts, reference = match.groups()
    return _signed([float(part) for part in parts if part], reference, references, limit)


def _coordinate(value: Any, reference: Any, references: str, limit: int) -> float | None:
    parts = as_numbers(value)
    if not parts or parts[0] is None or len(parts) > 3 or not isinstance(reference, str):
        return None
    # A writer that does not know the seconds, or the minutes, puts 0/0 there.
    return _signed([part or 0.0 for part in parts], reference.strip().upper(), references, limit)


def _signed(parts: list[float], reference: str, references: str, limit: int) -> float | None:
    degrees = sum(part / 60.0**power for power, part in enumerate(parts))
    if len(reference) != 1 or reference not in references or not 0 <= degrees <= limit:
        return None
    return round(degrees if reference == references[0] else -degrees, _DECIMALS)


def _altitude(value: Any, reference: Any) -> float | None:
    metres = as_number(value)
    if metres is None:
        return None
    # 0 and 2 are above the ellipsoid and the sea, 1 and 3 below. EXIF's default is 0.
    return -metres if as_number(reference) in (1, 3) else metres


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
    except OverflowError:
        return None
    return f"{at.isoformat()}Z"
