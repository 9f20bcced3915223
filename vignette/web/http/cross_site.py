"""
Requests that a page of another site makes a visitor's browser send: the browser may reach hosts that the page does not.

Browsers mark them, by `Origin` (RFC 6454, 7; the Fetch standard, "append a request Origin header") and by
`Sec-Fetch-Site` (Fetch Metadata). Programs send neither, and pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, request

from vignette.errors import CrossSiteRequest

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

# By a page of ours, or by the person at the address bar. Another port or another name below the same domain is
# "same-site".
_OURS: Final = frozenset({"same-origin", "none"})

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_MAX_ORIGIN_CHARS: Final = 100


def refuse_cross_site(
    app: Flask, *, knows_its_scheme: bool, admits: Callable[[str], bool] = lambda _origin: False
) -> None:
    """
    Have *app* refuse them, but for methods that change nothing.

    Unless the service *knows_its_scheme*, a proxy may speak https in front of it: then the schemes of the page and of
    the service may differ. Pages of an origin that it *admits* may send the request at hand.
    """

    def refuse() -> None:
        if request.method in SAFE_METHODS:
            return
        origin = request.headers.get("Origin")
        if origin is not None and admits(origin):
            return
        if origin is not None and not _is_ours(origin, knows_its_scheme):
            here = f"{request.scheme}://{request.host}"
            raise CrossSiteRequest(
                f"a page of {origin[:_MAX_ORIGIN_CHARS]!r} may not upload or delete here, which is {here!r}"
            )
        if request.headers.get("Sec-Fetch-Site", "none") not in _OURS:
            raise CrossSiteRequest("a page of another site may not upload or delete here")

    app.before_request(refuse)


def _is_ours(origin: str, knows_its_scheme: bool) -> bool:
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"//{request.host}")
        default_port = _DEFAULT_PORTS[theirs.scheme]  # "null" and the origins of extensions have none
        their_place = theirs.hostname, theirs.port or default_port
        our_place = ours.hostname, ours.port or default_port
    except (KeyError, ValueError):
        return False
    return their_place == our_place and (theirs.scheme == request.scheme or not knows_its_scheme)
