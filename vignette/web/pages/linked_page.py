"""The page of an image for whoever has come by a signed link: the picture, what the link tells of it, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vignette.access.links import Kept, Link, Place

_CREDITS: Final = ("author", "copyright")
# IPTC IIM 2:110, and its property of XMP: whom to name beside the picture.
_CREDIT_LINES: Final = (("iptc", "Credit"), ("xmp", "photoshop:Credit"))

_COARSE_DIGITS: Final = 1
"""A tenth of a degree is 11 km from north to south, and less from east to west."""


def told(link: Link, image: Mapping[str, Any], metadata: Mapping[str, Any], words: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return what the page tells: of the *image* (a resource), and of its *metadata*, of which *words* are what the page
    for everybody shows.

    But for `Place.EXACT`, nothing of what the file or its sender says is told: neither texts, which may name any place,
    nor times, cameras or the name of the file. What the link keeps is told all the same.
    """
    if link.place is Place.EXACT:
        return {"image": _of_nobody(image), "credits": _credits(metadata), **words}
    summary = _coarse(words["summary"]) if link.place is Place.COARSE else {}
    credits_ = _credits(metadata) if Kept.CREDIT in link.keep else []
    return {"image": _of_nobody(image) | {"name": None}, "summary": summary, "groups": [], "credits": credits_}


def _of_nobody(image: Mapping[str, Any]) -> dict[str, Any]:
    return {**image, "id": None}


def _coarse(summary: Mapping[str, Any]) -> dict[str, float]:
    names = ("latitude", "longitude")
    if not all(isinstance(summary.get(name), int | float) for name in names):
        return {}
    return {name: round(float(summary[name]), _COARSE_DIGITS) + 0.0 for name in names}  # never -0.0


def _credits(metadata: Mapping[str, Any]) -> list[str]:
    """Return who is to be named, each once."""
    summary = metadata.get("summary")
    found = [summary.get(name) for name in _CREDITS] if isinstance(summary, dict) else []
    for part, name in _CREDIT_LINES:
        fields = metadata.get(part)
        found.append(fields.get(name) if isinstance(fields, dict) else None)
    return list(dict.fromkeys(text for text in found if isinstance(text, str) and text.strip()))
