"""What the query of a URL says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vignette.access.names import is_name
from vignette.errors import MalformedRequest
from vignette.model import ImageId, ImageRef, PublicName, Visibility

_MOST_ID: Final = 2**63 - 1


def whole_number(query: Mapping[str, str], name: str, low: int, high: int) -> int | None:
    """Return the parameter *name* as a number, None if there is none; raise `MalformedRequest`."""
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and low <= int(text) <= high):
        raise MalformedRequest(f"{name} is {text[:30]!r}, and has to be a whole number from {low} to {high}")
    return int(text)


def said_visibility(query: Mapping[str, str]) -> Visibility | None:
    """Return the parameter `visibility`, None if there is none; raise `MalformedRequest`."""
    said = query.get("visibility")
    if said is None:
        return None
    if said not in tuple(Visibility):
        raise MalformedRequest(f"visibility is {said[:30]!r}, and has to be {' or '.join(Visibility)}")
    return Visibility(said)


def place_in_list(query: Mapping[str, str]) -> ImageRef | None:
    """
    Return what the parameter `before` names: an image by its public name, or any number. None if there is none; raise
    `MalformedRequest`.
    """
    name = query.get("before", "")
    if is_name(name):
        return PublicName(name)
    number = whole_number(query, "before", 0, _MOST_ID)
    return None if number is None else ImageId(number)
