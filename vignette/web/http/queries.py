"""What the query of a URL says."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Final

from werkzeug.datastructures import MultiDict

from vignette.access.names import is_name
from vignette.errors import MalformedRequest
from vignette.model import ImageId, ImageRef, PublicName, Visibility

MOST_ID: Final = 2**63 - 1

PAGE_SIZE: Final = 50
"""What a page of a list holds, unless the client says how much."""

MOST_ON_A_PAGE: Final = 500

MOST_IDS: Final = 100
"""Images that one request may name."""

MOST_DIGESTS: Final = 100
"""Digests that one request may ask for: so many fit into the line that proxies take."""

_MOST_DIGITS: Final = 18

_DIGEST_DIGITS: Final = 64
_HEXADECIMAL: Final = frozenset(string.hexdigits)


def said_ids(query: MultiDict[str, str]) -> list[ImageRef] | None:
    """
    Return the images that the parameter `ids` names, by numbers or public names with commas between them, or by several
    such parameters; None if there is none. What names no image at all is left out.

    Raises:
        MalformedRequest: There are more than 100.
    """
    if "ids" not in query:
        return None
    named = _listed(query, "ids", MOST_IDS)
    if len(named) > MOST_IDS:
        raise MalformedRequest("ids names too many images", measured=len(named), limit=MOST_IDS)
    return [ref for each in named if (ref := _ref(each)) is not None]


def said_list(query: MultiDict[str, str]) -> str | None:
    """
    Return the list that the reader of a page goes through, as the parameter `ids` says it, for URLs that lead on.

    Raises:
        MalformedRequest: It names more than 100 images.
    """
    return None if said_ids(query) is None else ",".join(query.getlist("ids"))


def said_digests(query: MultiDict[str, str]) -> list[str] | None:
    """
    Return the SHA-256 digests that the parameter `sha256` names, in lower case, with commas between them, or several
    such parameters; None if there is none.

    Raises:
        MalformedRequest: One is no digest, or there are more than 100.
    """
    if "sha256" not in query:
        return None
    named = _listed(query, "sha256", MOST_DIGESTS)
    if len(named) > MOST_DIGESTS:
        raise MalformedRequest("sha256 names too many digests", measured=len(named), limit=MOST_DIGESTS)
    return list(map(_digest, named))


def _listed(query: MultiDict[str, str], name: str, most: int) -> list[str]:
    """Return what the parameters of this *name* list, with commas between; of more than *most*, not all."""
    return [each.strip() for text in query.getlist(name) for each in text.split(",", most + 1) if each.strip()]


def _digest(text: str) -> str:
    if len(text) != _DIGEST_DIGITS:
        raise MalformedRequest(
            f"sha256 is {text[:30]!r}, and has to have {_DIGEST_DIGITS} hexadecimal digits",
            measured=len(text),
            limit=_DIGEST_DIGITS,
        )
    if not _HEXADECIMAL.issuperset(text):
        raise MalformedRequest(f"sha256 is {text!r}, and has to have hexadecimal digits only")
    return text.lower()


def _ref(text: str) -> ImageRef | None:
    if is_name(text):
        return PublicName(text)
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return ImageId(int(text)) if is_number else None


def whole_number(query: Mapping[str, str], name: str, low: int, high: int) -> int | None:
    """Return the parameter *name* as a number, None if there is none; raise `MalformedRequest`."""
    text = query.get(name)
    if text is None:
        return None
    if not _is_number(text, low, high):
        raise MalformedRequest(f"{name} is {text[:30]!r}, and has to be a whole number from {low} to {high}")
    return int(text)


def _is_number(text: str, low: int, high: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20 and low <= int(text) <= high


def page_size(query: Mapping[str, str], usual: int = PAGE_SIZE) -> int:
    """Return the parameter `limit`, *usual* if there is none; raise `MalformedRequest`."""
    return whole_number(query, "limit", 1, MOST_ON_A_PAGE) or usual


def one_of(query: Mapping[str, str], name: str, values: Sequence[str], usual: str = "") -> str:
    """Return the parameter *name*, or *usual*; raise `MalformedRequest` if that is none of *values*."""
    said = query.get(name, usual)
    if said not in values:
        raise MalformedRequest(f"{name} is {said[:30]!r}, and has to be {' or '.join(values)}")
    return said


def require_known(query: Mapping[str, str], *names: str) -> None:
    """Raise `MalformedRequest` if *query* has another parameter than *names*: nobody shall believe that it counts."""
    if unknown := sorted(query.keys() - set(names)):
        raise MalformedRequest(f"{unknown[0][:30]!r} is no parameter here: there is {' and '.join(names)}")


def said_visibility(query: Mapping[str, str]) -> Visibility | None:
    """Return the parameter `visibility`, None if there is none; raise `MalformedRequest`."""
    return Visibility(one_of(query, "visibility", list(Visibility))) if "visibility" in query else None


def wanted_visibility(query: Mapping[str, str]) -> Visibility:
    """Return the parameter `visibility`; raise `MalformedRequest` if there is none too."""
    said = said_visibility(query)
    if said is None:
        raise MalformedRequest(f"visibility is missing, and has to be {' or '.join(Visibility)}")
    return said


def place_in_list(query: Mapping[str, str], *, or_else: str = "") -> ImageRef | None:
    """Return what the parameter `before` names, as `named_in` does."""
    return named_in(query, "before", or_else=or_else)


def named_in(query: Mapping[str, str], parameter: str, *, or_else: str = "") -> ImageRef | None:
    """
    Return what this parameter names: an image by its public name, or any number. None if there is none.

    Raises:
        MalformedRequest: It is neither. What else the parameter may be, for which the caller has looked, is told in the
            words of *or_else*.
    """
    text = query.get(parameter)
    if text is None:
        return None
    if is_name(text):
        return PublicName(text)
    if not _is_number(text, 0, MOST_ID):
        raise MalformedRequest(
            f"{parameter} is {text[:30]!r}, and has to be the number or the public name of an image{or_else}"
        )
    return ImageId(int(text))
