"""
Requests that a page of another site makes a visitor's browser send: the browser may reach hosts that the page does not.

Browsers mark them, by `Origin` (RFC 6454, 7; the Fetch standard, "append a request Origin header") and by
`Sec-Fetch-Site` (Fetch Metadata). Programs send neither, and pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Request, request

from vignette.access.secrets import PREFIX as KEY_PREFIX
from vignette.errors import CrossSiteRequest

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

# By a page of ours, or by the person at the address bar. Another port or another name below the same domain is
# "same-site".
_BY_THE_PERSON: Final = "none"
_OURS: Final = frozenset({"same-origin", _BY_THE_PERSON})

# Of a form that no page has sent: a phone shares pictures with the service that is among its apps (Web Share Target).
# A page in a sandbox sends the same `Origin`, but as "cross-site"; what says "none" is the browser's own doing (Fetch
# Metadata, 2.4), and no page can make it say so.
_OPAQUE: Final = "null"

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_MAX_ORIGIN_CHARS: Final = 100


def refuse_cross_site(
    app: Flask, *, knows_its_scheme: bool, admits: Callable[[str], bool] = lambda _origin: False
) -> None:
    """
    Have *app* refuse them, but for methods that change nothing, and for those that show a key: no page of another site
    can have a browser send one that it does not know, and `web.cors` asks whether it may use it.

    Unless the service *knows_its_scheme*, a proxy may speak https in front of it: then the schemes of the page and of
    the service may differ. Pages of an origin that it *admits* may send the request at hand.
    """

    def refuse() -> None:
        if request.method in SAFE_METHODS or shows_key(request):
            return
        origin = request.headers.get("Origin")
        if origin == _OPAQUE and request.headers.get("Sec-Fetch-Site") == _BY_THE_PERSON:
            return
        if origin is not None and admits(origin):
            return
        if (origin := foreign_origin(request, knows_its_scheme)) is not None:
            here = f"{request.scheme}://{request.host}"
            raise CrossSiteRequest(
                f"a page of {origin[:_MAX_ORIGIN_CHARS]!r} may not upload or delete here, which is {here!r}"
            )
        refuse_marked(request)

    app.before_request(refuse)


def shows_key(request: Request) -> bool:
    """Whether a key stands in the request, valid or not: then `web.admission` looks at it, in each mode."""
    authorization = request.authorization
    return (
        authorization is not None
        and authorization.type == "bearer"
        and (authorization.token or "").startswith(KEY_PREFIX)
    )


def refuse_marked(request: Request) -> None:
    """Refuse *request*, which names no foreign origin, if the browser says all the same that it comes from one."""
    if request.method not in SAFE_METHODS and request.headers.get("Sec-Fetch-Site", "none") not in _OURS:
        raise CrossSiteRequest("a page of another site may not upload or delete here")


def foreign_origin(request: Request, knows_its_scheme: bool) -> str | None:
    """Return the origin of the page that sent *request*, if it is not ours."""
    origin = request.headers.get("Origin")
    return None if origin is None or _is_ours(origin, knows_its_scheme) else origin


def _is_ours(origin: str, knows_its_scheme: bool) -> bool:
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"//{request.host}")
        default_port = _DEFAULT_PORTS[theirs.scheme]  # "null" and the origins of extensions have none
        their_place = theirs.hostname, theirs.port or default_port
        our_place = ours.hostname, ours.port or default_port
    except (KeyError, ValueError):
        return False
    return their_place == our_place and (theirs.scheme == request.scheme or not knows_its_scheme)
