"""Which of several faces of an answer a client asks for (RFC 9110 §12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from werkzeug.datastructures import Headers, LanguageAccept, MIMEAccept
from werkzeug.http import parse_accept_header

HTML: Final = "text/html"
JSON: Final = "application/json"
TEXT: Final = "text/plain"
PROBLEM: Final = "application/problem+json"


# Browsers send some 150 characters. To parse them takes half a microsecond for each.
_MAX_CHARS: Final = 2048


def accepted_types(headers: Headers) -> MIMEAccept:
    """Return what `Accept` says; of a header of more than 2,048 characters, its whole elements within them."""
    return parse_accept_header(beginning(headers.get("Accept")), MIMEAccept)


def accepted_languages(headers: Headers) -> LanguageAccept:
    """Return what `Accept-Language` says, as far as `accepted_types` reads `Accept`."""
    return parse_accept_header(beginning(headers.get("Accept-Language")), LanguageAccept)


def beginning(header: str | None) -> str | None:
    """Return *header*, a list whose elements commas divide, up to the last comma within 2,048 characters."""
    if header is None or len(header) <= _MAX_CHARS:
        return header
    return header[:_MAX_CHARS].rpartition(",")[0]


def preferred(accept: MIMEAccept, offers: Sequence[str]) -> str:
    """
    The offer that *accept* gives the highest quality; the first of several equal ones.

    So `*/*` gets the first offer, and so does a client that accepts none of them: an answer in a form that was not
    asked for is of more use than none.
    """
    return max(offers, key=lambda offer: _quality(accept, offer))


def names(accept: MIMEAccept, media_type: str) -> bool:
    """Whether *accept* names *media_type* itself, not by a wildcard. A browser that opens a page names text/html."""
    return any(value == media_type and quality > 0 for value, quality in accept)


class Weight(NamedTuple):
    """How much a client wants a media type: the quality from 0 to 1, and whether the client names the type itself."""

    quality: float
    is_named: bool


def weighed(accept: MIMEAccept, offers: Sequence[str]) -> dict[str, Weight]:
    """What *accept* says of each of *offers*."""
    return {offer: Weight(_quality(accept, offer), names(accept, offer)) for offer in offers}


def _quality(accept: MIMEAccept, offer: str) -> float:
    """The quality of the most specific range that matches *offer*. No header at all accepts everything."""
    main_type = offer.partition("/")[0]
    qualities = {value.partition(";")[0].strip().lower(): quality for value, quality in reversed(list(accept))}
    for media_range in (offer, f"{main_type}/*", "*/*"):
        if media_range in qualities:
            return qualities[media_range]
    return 0.0 if qualities else 1.0
