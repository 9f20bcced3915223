"""Turns a description into text for people: groups of names and values, for the page and for metadata.txt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from vignette.pixels.metadata.privacy import pointed_at, value_at
from vignette.pixels.metadata.wording import aperture, plain, seconds, wording

NO_METADATA: Final = "This file holds no metadata.\n"

# The text is for people to read. The JSON holds more.
MAX_VALUE_CHARS: Final = 4000
MAX_NAME_CHARS: Final = 80
# The group of what a file reveals repeats values from other groups. This much of a value is enough to recognise it.
MAX_REVEALED_CHARS: Final = 200
MAX_ITEMS: Final = 64
MAX_ENTRIES: Final = 1000
MAX_LINES: Final = 10_000

# All values start in one column. A few long names stick out: a column wide enough for them would push all values to the
# right.
_MAX_COLUMN: Final = 32
_GAP: Final = "  "

# Characters that a terminal or a browser obeys instead of showing them: control characters, marks that change the
# direction of writing (Trojan Source, CVE-2021-42574), line separators, lone surrogates, invisible tag characters.
_HARMFUL: Final = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)

_SUMMARY_LABELS: Final = {
    "camera_make": "Camera make",
    "camera_model": "Camera model",
    "lens": "Lens",
    "software": "Software",
    "orientation": "Orientation",
    "taken_at": "Taken at",
    "exposure_time_s": "Exposure time",
    "f_number": "Aperture",
    "iso": "ISO",
    "focal_length_mm": "Focal length",
    "latitude": "Latitude",
    "longitude": "Longitude",
    "altitude_m": "Altitude",
    "author": "Author",
    "copyright": "Copyright",
    "title": "Title",
    "description": "Description",
    "keywords": "Keywords",
    "rating": "Rating",
    "alt_text": "Alternative text",
}
_PRIVACY_LABELS: Final = {
    "position": "Place",
    "time": "Time",
    "people": "People",
    "serial_numbers": "Serial numbers",
    "maker_note": "Maker's notes",
    "preview": "Preview",
    "history": "Programs, edits",
    "ids": "Identifiers",
    "colour_profile": "Colour profile",
    "comments": "Comments",
}
_ICC_LABELS: Final = {
    "description": "Description",
    "copyright": "Copyright",
    "manufacturer": "Manufacturer",
    "model": "Model",
    "colour_space": "Colour space",
    "profile_class": "Profile class",
    "connection_space": "Connection space",
    "rendering_intent": "Rendering intent",
    "version": "Version",
    "created_at": "Created at",
    "platform": "Platform",
    "creator": "Creator",
    "size": "Size",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that belong together, as (name, text), in the order of the file. A text may have several lines."""

    title: str
    entries: list[tuple[str, str]]


def as_groups(description: Mapping[str, Any]) -> list[Group]:
    """
    Tell the *description* in words and units.

    Each text is bounded, and safe to show: U+FFFD replaces control and bidirectional characters. The caller escapes the
    texts for HTML.
    """
    return [group for group in _groups(description) if group.entries]


def as_privacy(description: Mapping[str, Any]) -> list[Group]:
    """Tell what the file reveals: a group for each kind, titled by its name in the JSON; texts as in `as_groups`."""
    return [
        _group(kind, (_told(description, path) for path in pointed_at(pointers)))
        for kind, pointers in _mapping(description, "privacy").items()
    ]


def as_text(description: Mapping[str, Any]) -> str:
    """
    Return the content of metadata.txt: one group below the other, values in a column, a line feed at the end.

    It has `MAX_LINES` at most, and what is behind them is never made.
    """
    lines = list(islice(_lines(description), MAX_LINES + 1))
    if len(lines) > MAX_LINES:
        lines[MAX_LINES:] = ["…", "Further lines are in the JSON.", ""]
    return "\n".join(lines) if lines else NO_METADATA


def _lines(description: Mapping[str, Any]) -> Iterator[str]:
    for group in _groups(description):
        if group.entries:
            yield from _block(group)
            yield ""


def _block(group: Group) -> Iterator[str]:
    width = min(max(len(name) for name, _ in group.entries), _MAX_COLUMN)
    yield group.title
    yield "-" * len(group.title)
    indent = " " * width + _GAP
    for name, text in group.entries:
        whole = name.ljust(width) + _GAP + text
        if "\n" not in whole:
            yield whole.rstrip()
            continue
        first, *further = whole.split("\n")
        yield first.rstrip()
        for line in further:
            yield (indent + line).rstrip()


def _groups(description: Mapping[str, Any]) -> Iterator[Group]:
    """Yield each group when it is asked for, whether it has entries or not."""
    yield _group("Summary", _summary(_mapping(description, "summary")))
    yield _group("What the file reveals", _revealed(description))
    yield from _exif_groups(_mapping(description, "exif"))
    yield _group("Maker's note", _told_plainly(description, "maker_note"))
    yield _group("XMP", ((name, _nested(value)) for name, value in _mapping(description, "xmp").items()))
    yield _group("IPTC", _told_plainly(description, "iptc"))
    yield _group("ICC profile", _icc(_mapping(description, "icc")))
    yield _group("Text", ((item["keyword"], item["text"]) for item in description.get("text", ())))
    yield _group("Previews", _told_plainly(description, "previews"))
    yield _group("Warnings", ((str(number), text) for number, text in enumerate(description.get("warnings", ()), 1)))


def _told_plainly(description: Mapping[str, Any], part: str) -> Iterator[tuple[str, str]]:
    return ((name, _plain(value)) for name, value in _mapping(description, part).items())


def _group(title: str, entries: Iterator[tuple[str, str]]) -> Group:
    kept: list[tuple[str, str]] = []
    for number, (name, text) in enumerate(entries):
        if number == MAX_ENTRIES:
            kept.append(("…", "further entries are in the JSON"))
            break
        kept.append((_label(name), _harmless(text, MAX_VALUE_CHARS)))
    return Group(_label(title), kept)


def _label(name: str) -> str:
    label = _harmless(name, MAX_NAME_CHARS)
    return label.replace("\n", " ") if "\n" in label else label


def _mapping(description: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = description.get(part, {})
    return found


def _summary(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, label in _SUMMARY_LABELS.items():
        if name in facts:
            yield label, _fact(name, facts[name])


def _revealed(description: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for kind, pointers in _mapping(description, "privacy").items():
        told = (_told(description, path) for path in pointed_at(pointers))
        yield _PRIVACY_LABELS.get(kind, kind), "\n".join(f"{_label(name)}: {text}" for name, text in told)


def _told(description: Mapping[str, Any], path: Sequence[str]) -> tuple[str, str]:
    name, value = value_at(description, path)
    text = _exif_text(name, value) if path[0] == "exif" else _plain(value)
    return name, _shortened(text, MAX_REVEALED_CHARS)


def _fact(name: str, value: Any) -> str:
    match name:
        case "exposure_time_s":
            said = seconds(value)
        case "f_number":
            said = aperture(value)
        case "focal_length_mm":
            said = f"{plain(value)} mm"
        case "latitude":
            said = f"{abs(value):.6f}° {'S' if value < 0 else 'N'}"
        case "longitude":
            said = f"{abs(value):.6f}° {'W' if value < 0 else 'E'}"
        case "altitude_m":
            said = f"{value:.1f} m"
        case "orientation":
            said = wording("Orientation", value)
        case "taken_at":
            said = value.replace("T", " ")
        case _:
            said = None
    return said if said is not None else _plain(value)


def _icc(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, label in _ICC_LABELS.items():
        if name in facts:
            yield label, f"{facts[name]:,} bytes" if name == "size" else _plain(facts[name])


def _exif_groups(directories: Mapping[str, Mapping[str, Any]]) -> Iterator[Group]:
    for name, directory in list(directories.items())[:MAX_ITEMS]:
        yield _group(f"EXIF: {name}", ((tag, _exif_text(tag, value)) for tag, value in directory.items()))
    if len(directories) > MAX_ITEMS:
        yield Group("EXIF: …", [("…", f"{len(directories) - MAX_ITEMS} further directories are in the JSON")])


def _exif_text(tag: str, value: Any) -> str:
    # "Make#2": a repeated tag is numbered.
    said = wording(tag.partition("#")[0], value)
    return said if said is not None else _plain(value)


def _plain(value: Any) -> str:
    """Write a value of EXIF or IPTC: plain, an object of `values` with its "type", or a list of those."""
    match value:
        case str():
            return value
        case int():
            return str(value)
        case float():
            return plain(value)
        case list():
            return _listed([_plain(item) for item in value[:MAX_ITEMS]], len(value))
        case {"type": "rational", "numerator": numerator, "denominator": denominator, "value": quotient}:
            return plain(quotient) if quotient is not None else f"{numerator}/{denominator}"
        case {"type": "datetime", "value": moment}:
            return str(moment).replace("T", " ")
        case {"type": "bytes", "length": length}:
            return f"({length:,} bytes)"
        case {"type": "packed", "count": count, "element": element}:
            return f"({count:,} values of type {element})"
        case {"type": "date" | "time", "value": text} | {"type": "float", "text": text}:
            return str(text)
        case _:
            return _nested(value)


def _nested(value: Any) -> str:
    """Write a value of XMP: a text, a list or an object. Each item has a line if any item is a list or an object."""
    match value:
        case str():
            return value
        case list():
            separator = "\n" if any(isinstance(item, list | dict) for item in value) else ", "
            return _listed([_nested(item) for item in value[:MAX_ITEMS]], len(value), separator)
        case dict() if len(value) == 1 and ":" not in next(iter(value)):
            return _nested(next(iter(value.values())))  # a text in one language only
        case dict():
            fields = [f"{name}: {_nested(item)}" for name, item in list(value.items())[:MAX_ITEMS]]
            return _listed(fields, len(value), "; ")
        case _:
            return str(value)


def _listed(texts: Sequence[str], count: int, separator: str = ", ") -> str:
    more = [f"… ({count:,} in all)"] if count > len(texts) else []
    return separator.join([*(_shortened(text, MAX_VALUE_CHARS) for text in texts), *more])


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters in all)"


def harmless(text: str) -> str:
    """Return *text* with U+FFFD in place of each character that a terminal or a browser obeys instead of showing it."""
    return _HARMFUL.sub("\ufffd", text)


def _harmless(text: str, limit: int) -> str:
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text  # as nearly all are: to look so costs a tenth of what follows
    cut = _shortened(text, limit)
    return harmless(cut.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
