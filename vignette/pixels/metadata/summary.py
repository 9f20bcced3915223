"""
Summarises the facts that people ask for first, each from the best source that the file has.

A machine writes camera, exposure, time and place: EXIF comes first, then XMP. A person writes author, title,
description and rights: XMP comes first, then IPTC, then EXIF, because people make corrections in XMP, and XMP can write
every script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from vignette.pixels.metadata import gps, lens, moments
from vignette.pixels.metadata.values import Fields, as_iso_8601, as_number, as_numbers

# Pages and lists show the summary. The whole text is in its own part of the description.
MAX_CHARS: Final = 10_000
MAX_KEYWORDS: Final = 500

_RATIO: Final = re.compile(r"-?\d{1,12}/\d{1,12}", re.ASCII)
_DECIMAL: Final = re.compile(r"-?\d{1,12}(\.\d{1,15})?", re.ASCII)

# No shutter is as slow or as fast, and no lens as wide or as narrow.
_MOST_APEX: Final = 30

# Windows writes a rating of 1 to 5 stars as 1, 25, 50, 75 or 99 per cent.
_PER_CENT_OF_STARS: Final = ((1, 1), (25, 2), (50, 3), (75, 4), (99, 5))


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
        self.maker_note: Mapping[str, Any] = parts.get("maker_note", {})
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
        "lens": _lens(sources),
        "software": _first_text(exif.get("Software"), xmp.get("xmp:CreatorTool"), sources.text.get("Software")),
        "orientation": _orientation(sources),
        "taken_at": _taken_at(sources),
    }


def _exposure(sources: _Sources) -> Fields:
    exif, xmp = sources.exif, sources.xmp
    sensitivity = _positive(exif.get("PhotographicSensitivity"))
    if sensitivity == 65535:
        # The largest SHORT says that the true value did not fit. It is in one of these tags.
        names = ("RecommendedExposureIndex", "StandardOutputSensitivity", "ISOSpeed")
        sensitivity = next((number for name in names if (number := _number(exif.get(name)))), sensitivity)
    return {
        "exposure_time_s": _told_or_apex(sources, "ExposureTime", "ShutterSpeedValue", -1, digits=3),
        "f_number": _told_or_apex(sources, "FNumber", "ApertureValue", 1 / 2, digits=2),
        "iso": sensitivity or _positive(xmp.get("exifEX:PhotographicSensitivity"), xmp.get("exif:ISOSpeedRatings")),
        "focal_length_mm": _positive(exif.get("FocalLength"), xmp.get("exif:FocalLength")),
    }


def _told_or_apex(sources: _Sources, told: str, apex: str, factor: float, *, digits: int) -> int | float | None:
    """
    Return the number of the tag *told*, or what *apex* says: its value times *factor* is the logarithm to base 2.

    APEX counts in steps of the exposure (EXIF 3.0, annex C). What comes of it is rounded to so many *digits*, as
    cameras show it.
    """
    exif, xmp = sources.exif, sources.xmp
    number = _positive(exif.get(told), xmp.get(f"exif:{told}"))
    steps = _number(exif.get(apex), xmp.get(f"exif:{apex}"))
    if number is not None or steps is None or abs(steps) > _MOST_APEX:
        return number
    return _number(float(f"{2 ** (steps * factor):.{digits}g}"))


def _lens(sources: _Sources) -> str:
    """Return the name of the lens; if no name is there, what its numbers say."""
    exif, xmp = sources.exif, sources.xmp
    names = (exif.get("LensModel"), xmp.get("exifEX:LensModel"), xmp.get("aux:Lens"), sources.maker_note.get("Lens"))
    # Cameras write dashes for a lens that they do not know.
    texts = [text for name in names if (text := _text(name)).strip("- ")]
    named = next((text for text in texts if not lens.is_only_numbers(text)), "")
    numbers = (as_numbers(exif.get("LensSpecification")), _xmp_lens(xmp))
    return named or next(iter([*texts, *filter(None, map(lens.by_numbers, numbers))]), "")


def _xmp_lens(xmp: Mapping[str, Any]) -> list[float | None]:
    """Return the numbers of a lens, which are a list (exifEX) or a text ("24/1 70/1 28/10 28/10")."""
    numbers = xmp.get("exifEX:LensSpecification") or xmp.get("aux:LensInfo")
    items = numbers if isinstance(numbers, list) else _text(numbers).split(maxsplit=4)
    return [_xmp_number(item) for item in items]


def _place(sources: _Sources) -> Fields:
    names = ("GPSLatitude", "GPSLatitudeRef", "GPSLongitude", "GPSLongitudeRef", "GPSAltitude", "GPSAltitudeRef")
    from_xmp = gps.xmp_position({name: _text(sources.xmp.get(f"exif:{name}")) for name in names})
    # Latitude or longitude alone is no place.
    whole = next((found for found in (sources.gps, from_xmp) if "latitude" in found and "longitude" in found), {})
    place = {name: whole[name] for name in ("latitude", "longitude") if name in whole}
    return {**place, "altitude_m": sources.gps.get("altitude", from_xmp.get("altitude"))}


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
        "rating": _rating(sources),
        "alt_text": _first_text(xmp.get("Iptc4xmpCore:AltTextAccessibility")),
    }


def _orientation(sources: _Sources) -> int | None:
    value = _number(sources.ifd0.get("Orientation"), sources.xmp.get("tiff:Orientation"))
    return value if isinstance(value, int) and 1 <= value <= 8 else None


def _rating(sources: _Sources) -> int | float | None:
    exif, xmp = sources.exif, sources.xmp
    stars = _number(xmp.get("xmp:Rating"), exif.get("Rating"))
    if stars is not None:
        return stars
    per_cent = _positive(exif.get("RatingPercent"), xmp.get("MicrosoftPhoto:Rating"))
    if per_cent is None or per_cent > 100:
        return None
    return min(_PER_CENT_OF_STARS, key=lambda pair: abs(pair[0] - per_cent))[1]


def _taken_at(sources: _Sources) -> str | None:
    """
    Return when the picture was taken: ISO 8601, as precise as the source.

    Where nothing says that, this is when the file was last changed: it is seldom far off, and people sort by it.
    """
    exif, xmp = sources.exif, sources.xmp
    taken = (
        _exif_moment(exif, "Original"),
        _xmp_moment(xmp.get("exif:DateTimeOriginal")),
        _xmp_moment(xmp.get("photoshop:DateCreated")),
        _iptc_moment(sources.iptc),
        _exif_moment(exif, "Digitized"),
        _xmp_moment(xmp.get("exif:DateTimeDigitized")),
        _xmp_moment(xmp.get("xmp:CreateDate")),
        moments.of_internet(sources.text.get("Creation Time", "")),
    )
    changed = (
        _exif_moment(exif, ""),
        _xmp_moment(xmp.get("tiff:DateTime")),
        _xmp_moment(xmp.get("xmp:ModifyDate")),
    )
    best = next(filter(None, (*taken, *changed)), None)
    # One program writes the day where another writes day and time.
    return best if best is None or moments.is_exact(best) else max((best, *_of_that(best, taken)), key=len)


def _of_that(moment: str, candidates: Sequence[str]) -> list[str]:
    return [candidate for candidate in candidates if candidate.startswith(moment)]


def _exif_moment(exif: Mapping[str, Any], kind: str) -> str:
    """Join a date and time with its fraction and its offset, for which EXIF has tags of their own."""
    moment = as_iso_8601(exif.get(f"DateTime{kind}"), "datetime") or ""
    return moments.with_details(moment, _text(exif.get(f"SubSecTime{kind}")), _text(exif.get(f"OffsetTime{kind}")))


def _xmp_moment(value: Any) -> str:
    return moments.iso_8601(_text(value))


def _iptc_moment(iptc: Mapping[str, Any]) -> str:
    date, time = as_iso_8601(iptc.get("DateCreated"), "date"), as_iso_8601(iptc.get("TimeCreated"), "time")
    return f"{date}T{time}" if date and time and len(date) == len("2018-07-16") else date or ""


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
    """Return the first number over 0, also within a list. Writers that do not know a value write 0."""
    items = (item for candidate in candidates for item in (candidate if isinstance(candidate, list) else [candidate]))
    return next((number for item in items if (number := _number(item)) and number > 0), None)


def _xmp_number(value: Any) -> float | None:
    """Read a number from text, such as "1/125": XMP writes all numbers as text (XMP specification part 2)."""
    text = _text(value)
    if _RATIO.fullmatch(text):
        numerator, _, denominator = text.partition("/")
        return int(numerator) / int(denominator) if int(denominator) else None
    return float(text) if _DECIMAL.fullmatch(text) else None
