"""What the page of a picture is made from, beside the image itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from vignette.errors import N_
from vignette.model import Image
from vignette.pixels.metadata import Group, as_groups, as_privacy
from vignette.pixels.preview import embedded_preview
from vignette.web.pages.disclosures import disclosures

# What the page shows of a summary: words, and numbers.
_TEXTS: Final = ("alt_text", "description", "taken_at", "camera_make", "camera_model", "author")
_NUMBERS: Final = ("iso", "focal_length_mm", "exposure_time_s", "f_number", "latitude", "longitude")
_MOST_NUMBER: Final = 10**12

# Told elsewhere on the page.
_OTHER_GROUPS: Final = frozenset({"Summary", "What the file reveals"})

_TITLES: Final[Mapping[str, str]] = {
    "EXIF: IFD0": N_("EXIF: the file"),
    "EXIF: Exif": N_("EXIF: the shot"),
    "EXIF: GPS": N_("EXIF: the place"),
    "EXIF: IFD1": N_("EXIF: the preview"),
    "EXIF: Interop": N_("EXIF: compatibility"),
    "Maker's note": N_("Maker’s notes"),
    "ICC profile": N_("Colour profile"),
    "Text": N_("Texts"),
    "Previews": N_("Previews"),
    "Warnings": N_("What could not be read"),
}

# What a viewer needs to know of an image; neighbours bring the same with them.
_VIEWED: Final = ("id", "public_name", "name", "state", "media_type", "width", "height", "frames", "links")

logger = logging.getLogger(__name__)


def in_words(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what the page tells of *metadata*. A backup of a stranger may hold anything: then it tells that."""
    try:
        summary = _usable(metadata.get("summary", {}))
        return {
            "groups": _filled(as_groups(metadata)),
            "disclosures": disclosures(as_privacy(metadata), summary),
            "summary": summary,
        }
    except Exception:
        logger.exception("the metadata cannot be told in words")
        damaged = {"warnings": ["metadata.json is damaged"]}
        return {"groups": _filled(as_groups(damaged)), "disclosures": [], "summary": {}}


def has_preview(image: Image, metadata: Mapping[str, Any]) -> bool:
    """Whether something is seen of the picture while its vignette is on its way."""
    return image.need is not None and embedded_preview(metadata, image.record.facts) is not None


def viewed(image: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a viewer needs to know of *image*, a resource."""
    return {name: image[name] for name in _VIEWED}


def _filled(groups: Sequence[Group]) -> list[Group]:
    """Return the groups to show, with their entries that say something."""
    shown = (
        Group(_TITLES.get(group.title, group.title), [(name, text) for name, text in group.entries if text.strip()])
        for group in groups
        if group.title not in _OTHER_GROUPS
    )
    return [group for group in shown if group.entries]


def _usable(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of *summary* is of the kind that the page shows."""
    texts = {name: summary[name] for name in _TEXTS if isinstance(summary.get(name), str)}
    return texts | {
        name: number
        for name in _NUMBERS
        if isinstance(number := summary.get(name), int | float) and abs(number) < _MOST_NUMBER
    }
