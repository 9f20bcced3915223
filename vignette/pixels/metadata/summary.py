"""
Summarises the facts that people ask for first, each from the best source that the file has.

A machine writes camera, exposure, time and place: EXIF comes first, then XMP. A person writes author, title,
description and rights: XMP comes first, then IPTC, then EXIF, because people make corrections in XMP, and XMP can write
every script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from vignette.pixels.metadata import gps
from vignette.pixels.metadata.values import Fields, as_iso_8601, as_number

# Pages and lists show the summary. The whole text is in its own part of the description.
MAX_CHARS: Final = 10_000
MAX_KEYWORDS: Final = 500

_ISO_8601: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_OFFSET: Final = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d", re.ASCII)
_FRACTION: Final = re.compile(r"\d{1,9}", re.ASCII)
_RATIO: Final = re.compile(r"-?\d{1,12}/\d{1,12}", re.ASCII)
_DECIMAL: Final = re.compile(r"-?\d{1,12}(\.\d{1,15})?", re.ASCII)


def summarise(parts: Mapping[str, Any]) -> Fields:
    """Summarise *parts*, the other parts of a description; leave out facts that they do not hold."""
    sources = _Sources(parts)
    facts = {**_camera(sources), **_exposure(sources), **_place(sources), **_words(sources)}
    return {name: fact for name, fact in facts.items() if fact not in (None, "", [])}


class _Sources:
    """The parts of a description. A part that the file lacks is empty."""

    def __init__(self, parts: Mapping[str, Any]) -> None:
        directories: Mapping[str, Mapping[str, Any]] = parts.get("exif", {})
        self.ifd0 = directories.get("IFD0", {})
        # Some writers make no Exif directory, and put its tags into IFD0.
        self.exif = {**self.ifd0, **directories.get("Exif", {})}
        self.gps: Mapping[str, Any] = parts.get("gps", {})
        self.xmp: Mapping[str, Any] = parts.get("xmp", {})
        self.iptc: Mapping[str, Any] = parts.get("iptc", {})
        self.text: dict[str, str] = {}
        for item in parts.get("text", []):
            self.text.setdefault(item["keyword"], item["text"])


def _camera(sources: _Sources) -> Fields:
    exif, xmp = sources.exif, sources.xmp
    return {
        "camera_make": _first_text(exif.get("Make"), xmp.get("tiff:Make")),
        "camera_model": _first_text(exif.get("Model"), xmp.get("tiff:Model")),
        "lens": _first_text(exif.get("LensModel"), xmp.get("exifEX:LensModel"), xmp.get("aux:Lens")),
        "software": _first_text(exif.get("Software"), xmp.get("xmp:CreatorTool"), sources.text.get("Software")),
        "orientation": _orientation(sources),
        "taken_at": _taken_at(sources),
    }


def _exposure(sources: _Sources) -> Fields:
    exif, xmp = sources.exif, sources.xmp
    sensitivity = _number(exif.get("PhotographicSensitivity"))
    if sensitivity == 65535:
        # The largest SHORT says that the true value did not fit. It is in one of these tags.
        names = ("RecommendedExposureIndex", "StandardOutputSensitivity", "ISOSpeed")
        sensitivity = next((number for name in names if (number := _number(exif.get(name)))), sensitivity)
    return {
        "exposure_time_s": _positive(exif.get("ExposureTime"), xmp.get("exif:ExposureTime")),
        "f_number": _positive(exif.get("FNumber"), xmp.get("exif:FNumber")),
        "iso": sensitivity or _positive(xmp.get("exifEX:PhotographicSensitivity"), xmp.get("exif:ISOSpeedRatings")),
        "focal_length_mm": _positive(exif.get("FocalLength"), xmp.get("exif:FocalLength")),
    }


def _place(sources: _Sources) -> Fields:
    latitude, longitude = sources.gps.get("latitude"), sources.gps.get("longitude")
    if latitude is None or longitude is None:
        latitude = gps.xmp_coordinate(_text(sources.xmp.get("exif:GPSLatitude")), "NS", 90)
        longitude = gps.xmp_coordinate(_text(sources.xmp.get("exif:GPSLongitude")), "EW", 180)
    # Latitude or longitude alone is no place.
    place = {} if latitude is None or longitude is None else {"latitude": latitude, "longitude": longitude}
    return {**place, "altitude_m": sources.gps.get("altitude")}


def _words(sources: _Sources) -> Fields:
    exif, xmp, iptc, text = sources.exif, sources.xmp, sources.iptc, sources.text
    return {
        "author": _first_text(
            xmp.get("dc:creator"),
            iptc.get("By-line"),
            exif.get("Photographer"),
            exif.get("Artist"),
            exif.get("XPAuthor"),
            text.get("Author"),
        ),
        "copyright": _first_text(
            xmp.get("dc:rights"), iptc.get("CopyrightNotice"), exif.get("Copyright"), text.get("Copyright")
        ),
        "title": _first_text(
            xmp.get("dc:title"), iptc.get("ObjectName"), exif.get("ImageTitle"), exif.get("XPTitle"), text.get("Title")
        ),
        "description": _first_text(
            xmp.get("dc:description"),
            iptc.get("Caption-Abstract"),
            exif.get("ImageDescription"),
            text.get("Description"),
        ),
        "keywords": _keywords(xmp.get("dc:subject"), iptc.get("Keywords"), exif.get("XPKeywords")),
        "rating": _number(xmp.get("xmp:Rating"), exif.get("Rating")),
        "alt_text": _first_text(xmp.get("Iptc4xmpCore:AltTextAccessibility")),
    }


def _orientation(sources: _Sources) -> int | None:
    value = _number(sources.ifd0.get("Orientation"), sources.xmp.get("tiff:Orientation"))
    return value if isinstance(value, int) and 1 <= value <= 8 else None


def _taken_at(sources: _Sources) -> str | None:
    """Return when the picture was taken, not when the file was changed: ISO 8601, as precise as the source."""
    xmp = sources.xmp
    candidates = (
        _exif_moment(sources.exif, "Original"),
        _xmp_moment(xmp.get("exif:DateTimeOriginal")),
        _xmp_moment(xmp.get("photoshop:DateCreated")),
        _iptc_moment(sources.iptc),
        _exif_moment(sources.exif, "Digitized"),
        _xmp_moment(xmp.get("exif:DateTimeDigitized")),
        _xmp_moment(xmp.get("xmp:CreateDate")),
    )
    return next((moment for moment in candidates if moment), None)


def _exif_moment(exif: Mapping[str, Any], kind: str) -> str:
    """Join a date and time with its fraction and its offset, for which EXIF has tags of their own."""
    moment = as_iso_8601(exif.get(f"DateTime{kind}"), "datetime")
    if not moment or len(moment) > len("2018-07-16T17:52:22"):
        return moment or ""  # some writers put fraction or offset behind the seconds
    fraction = _matching(_FRACTION, exif.get(f"SubSecTime{kind}"))
    return moment + (f".{fraction}" if fraction else "") + _matching(_OFFSET, exif.get(f"OffsetTime{kind}"))


def _xmp_moment(value: Any) -> str:
    text = _matching(_ISO_8601, value)
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return ""
    return text


def _iptc_moment(iptc: Mapping[str, Any]) -> str:
    date, time = as_iso_8601(iptc.get("DateCreated"), "date"), as_iso_8601(iptc.get("TimeCreated"), "time")
    return f"{date}T{time}" if date and time else date or ""


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    text = _text(value)
    return text if pattern.fullmatch(text) else ""


def _keywords(*sources: Any) -> list[str]:
    """Return the keywords of all sources in their order, each once. Windows separates keywords with semicolons."""
    found: dict[str, None] = {}
    for source in sources:
        items = source if isinstance(source, list) else _text(source).split(";", MAX_KEYWORDS)
        for item in items[:MAX_KEYWORDS]:
            keyword = _text(item)
            if keyword:
                found[keyword] = None
    return list(found)[:MAX_KEYWORDS]


def _first_text(*candidates: Any) -> str:
    return next((text for candidate in candidates if (text := _text(candidate))), "")


def _text(value: Any) -> str:
    """Make one text for a person: of several languages take the default one, of several values all."""
    match value:
        case str():
            text = value.strip("\0 \t\r\n")
        case list():
            text = "; ".join(item for value in value[:MAX_KEYWORDS] if (item := _text(value)))
        case {"x-default": chosen}:
            text = _text(chosen)
        case {"rdf:value": chosen}:
            text = _text(chosen)
        case dict() if len(value) == 1:
            text = _text(next(iter(value.values())))
        case _:
            text = ""
    return text if len(text) <= MAX_CHARS else text[: MAX_CHARS - 1] + "…"


def _number(*candidates: Any) -> int | float | None:
    for candidate in candidates:
        number = as_number(candidate)
        if number is None:
            number = _xmp_number(candidate)
        if number is not None:
            return int(number) if number.is_integer() else number
    return None


def _positive(*candidates: Any) -> int | float | None:
    """Return the first number over 0. Writers that do not know a value write 0."""
    return next((number for candidate in candidates if (number := _number(candidate)) and number > 0), None)


def _xmp_number(value: Any) -> float | None:
    """Read a number from text, such as "1/125": XMP writes all numbers as text (XMP specification part 2)."""
    text = _text(value)
    if _RATIO.fullmatch(text):
        numerator, _, denominator = text.partition("/")
        return int(numerator) / int(denominator) if int(denominator) else None
    return float(text) if _DECIMAL.fullmatch(text) else None
