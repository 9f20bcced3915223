"""
Pages of other sites that use a key (the Fetch standard, "HTTP cors protocol"): those of the origins that the key names.

A browser asks first (a preflight), without the key; so that answer tells only whether any key that is valid names the
origin. The request itself is refused unless its own key does. No cookie ever comes along: answers say nothing of
credentials.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Final

from flask import Flask, Response, g, request

from vignette.access.actors import Actor
from vignette.errors import CrossSiteRequest
from vignette.web.http.cross_site import foreign_origin, refuse_marked

# A change of a key's origins counts at once for its requests, and after this long for preflights.
_KEPT_S: Final = 5.0

# For so long a browser need not ask again.
_MAX_AGE_S: Final = 600

_MAX_ORIGIN_CHARS: Final = 100

_ASKED_BY: Final = "Access-Control-Request-Method"
_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
_HEADERS: Final = (
    "Authorization, Content-Type, Content-Digest, Repr-Digest, Content-Disposition, Idempotency-Key, If-Match,"
    " If-None-Match, Prefer, Range"
)
_EXPOSED: Final = "Location, Link, ETag, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, Content-Digest"


class KnownOrigins:
    """Those that *read* returns, remembered for some seconds. Safe to share between threads."""

    def __init__(self, read: Callable[[], Collection[str]], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Collection[str] = frozenset()
        self._until = -1.0

    def __contains__(self, origin: object) -> bool:
        with self._lock:
            if self._clock() >= self._until:
                self._known = frozenset(self._read())
                self._until = self._clock() + _KEPT_S
        return origin in self._known


def init_cors(app: Flask, known: KnownOrigins) -> None:
    """Have *app* answer preflights for *known* origins, and let their pages read what `require_origin` has let in."""

    def answer_preflight() -> Response | None:
        if request.method != "OPTIONS" or _ASKED_BY not in request.headers:
            return None
        response = Response(status=204)
        del response.headers["Content-Type"]
        response.vary.add("Origin")
        if (origin := request.headers.get("Origin")) in known:
            response.headers["Access-Control-Allow-Origin"] = str(origin)
            response.headers["Access-Control-Allow-Methods"] = _METHODS
            response.headers["Access-Control-Allow-Headers"] = _HEADERS
            response.headers["Access-Control-Max-Age"] = str(_MAX_AGE_S)
        return response

    def let_read(response: Response) -> Response:
        if origin := g.get("allowed_origin"):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
            response.vary.add("Origin")
        return response

    app.before_request(answer_preflight)
    app.after_request(let_read)


def require_origin(actor: Actor, *, knows_its_scheme: bool) -> None:
    """
    Let the page that sent the request at hand use the key of *actor*, if it is of another site.

    Raises:
        CrossSiteRequest: The key does not name the origin of the page.
    """
    origin = foreign_origin(request, knows_its_scheme)
    if origin is None:
        refuse_marked(request)
        return
    if origin not in actor.origins:
        raise CrossSiteRequest(
            f"this key may not be used by a page of {origin[:_MAX_ORIGIN_CHARS]!r}; its `origins` name those that may"
        )
    g.allowed_origin = origin
