"""What a file gives away, as the page of its picture tells it: a row for each kind, what hurts most first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vignette.errors import N_
from vignette.pixels.metadata import Group
from vignette.web.pages.phrases import filesize

_LABELS: Final[Mapping[str, str]] = {
    "position": N_("Where"),
    "people": N_("Names"),
    "serial_numbers": N_("Serial numbers"),
    "time": N_("When"),
    "preview": N_("Preview"),
    "comments": N_("Words"),
    "maker_note": N_("Maker’s notes"),
    "history": N_("Programs"),
    "ids": N_("Identifiers"),
    "colour_profile": N_("Colour profile"),
}
"""What a row is called, by its kind (`pixels.metadata.privacy.KINDS`). What hurts most comes first."""

_REMARKS: Final[Mapping[str, str]] = {
    "serial_numbers": N_("tie together all pictures of one camera or lens"),
    "preview": N_("may show what was cut off or painted over"),
    "maker_note": N_("may hold serial numbers and more"),
    "ids": N_("tell this picture and its copies from all others"),
    "colour_profile": N_("may name a screen or a computer"),
}
"""What a value alone does not tell."""

_HURT: Final = frozenset({"position", "people", "serial_numbers"})

_MOST_VALUES: Final = 3
_MOST_CHARS: Final = 120

# Of a place that is shown as a point on the map, these say little more: degrees, metres, where the camera looked.
_ABOUT_A_POINT: Final = re.compile(r"(\w+:)?gps", re.IGNORECASE)
_LETTER: Final = re.compile(r"[^\W\d_]")
_T_OF_ISO_8601: Final = re.compile(r"(?<=\d)T(?=\d)")
_BYTES: Final = re.compile(r"\(([\d,]+) bytes\)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture was taken, in degrees of WGS 84."""

    latitude: float
    longitude: float

    @property
    def text(self) -> str:
        return f"{self.latitude:.5f}, {self.longitude:.5f}"

    @property
    def geo(self) -> str:
        """The point as a URI (RFC 5870), which a phone opens in its map."""
        return f"geo:{self.latitude:.6f},{self.longitude:.6f}"

    @property
    def map(self) -> str:
        at = f"{self.latitude:.6f}", f"{self.longitude:.6f}"
        return f"https://www.openstreetmap.org/?mlat={at[0]}&mlon={at[1]}#map=15/{at[0]}/{at[1]}"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """
    A row: what it is called, what the file says, how many values more it has, and what they mean. It `hurts` if it
    leads to a person or a home. `label` and `remark` are in English, for `translated`.
    """

    kind: str
    label: str
    values: tuple[str, ...]
    more: int
    remark: str
    hurts: bool
    place: Place | None = None


def place_of(summary: Mapping[str, Any]) -> Place | None:
    """Return the place that a *summary* tells; None if it tells none, or none on Earth."""
    latitude, longitude = summary.get("latitude"), summary.get("longitude")
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return None
    return Place(latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def disclosures(revealed: Iterable[Group], summary: Mapping[str, Any]) -> list[Disclosure]:
    """Return the rows for what is *revealed* (`as_privacy`), what hurts most first."""
    by_kind = {group.title: group.entries for group in revealed}
    kinds = [*_LABELS, *(kind for kind in by_kind if kind not in _LABELS)]
    return [_row(kind, by_kind[kind], place_of(summary)) for kind in kinds if kind in by_kind]


def _row(kind: str, entries: Sequence[tuple[str, str]], place: Place | None) -> Disclosure:
    place = place if kind == "position" else None
    values = list(dict.fromkeys(_values(entries, place)))
    return Disclosure(
        kind,
        _LABELS.get(kind, kind),
        tuple(values[:_MOST_VALUES]),
        max(0, len(values) - _MOST_VALUES),
        _REMARKS.get(kind, ""),
        kind in _HURT,
        place,
    )


def _values(entries: Sequence[tuple[str, str]], place: Place | None) -> Iterator[str]:
    for name, text in entries:
        told = _T_OF_ISO_8601.sub(" ", " ".join(text.split()))
        if told and not (place and _ABOUT_A_POINT.match(name)):
            shown = _sized(told) if len(told) <= _MOST_CHARS else f"{told[:_MOST_CHARS]}…"
            # A bare number says nothing without its name; a time does.
            yield shown if _LETTER.search(shown) or "-" in shown else f"{name}: {shown}"


def _sized(text: str) -> str:
    """Return *text*; if it is the length of a value that is not shown, in the reader's words."""
    length = _BYTES.fullmatch(text)
    return filesize(int(length[1].replace(",", ""))) if length else text
