"""
Which signed link was just made by a form. The form is answered with a redirect, so that reloading makes no other link;
a cookie of ten minutes carries the link to the page that shows it. So it stands neither in the address of that page nor
in the history of the browser, and nothing of it is kept here.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urlencode

from flask import Request, Response

from vignette.access.links import Representation
from vignette.web.http.cookies import set_cookie

_NAME: Final = "vignette_link"
_KEPT_S: Final = 600

# A link has some 200.
_MAX_COOKIE_CHARS: Final = 1000


def set_link(response: Response, request: Request, what: Representation, query: Mapping[str, str], path: str) -> None:
    """Have the browser carry the *query* of a link to *path*: there `told_link` finds it."""
    value = urlsafe_b64encode(urlencode({"what": what, **query}).encode()).decode()
    set_cookie(response, request, _NAME, value, kept_s=_KEPT_S, path=path)


def told_link(request: Request) -> tuple[Representation, dict[str, list[str]]] | None:
    """
    Return what the link that the browser carries gives, and its query, which nobody has checked; None if it carries
    none, any more.
    """
    value = request.cookies.get(_NAME, "")
    if not value or len(value) > _MAX_COOKIE_CHARS:
        return None
    try:
        query = parse_qs(urlsafe_b64decode(value).decode("ascii"), max_num_fields=20)
        return Representation(query.pop("what", [""])[0]), query
    except ValueError:
        return None
