"""
Pages of other sites that use a key or a ticket (the Fetch standard, "HTTP cors protocol"): those of the origins that
the key or the ticket names.

A browser asks first (a preflight), without key or token, unless the path holds one; so that answer tells only whether
any key or ticket that is valid names the origin. The request itself is refused unless its own does. No cookie ever
comes along: answers say nothing of credentials.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Final

from flask import Flask, Response, g, request

from vignette.access.actors import Actor
from vignette.access.secrets import TICKET_PREFIX
from vignette.access.tickets import Ticket
from vignette.errors import CrossSiteRequest, InvalidTicket
from vignette.web.context import web_context
from vignette.web.guests import take_ticket
from vignette.web.http.cross_site import foreign_origin, refuse_marked

# A change of a key's origins counts at once for its requests, and after this long for preflights.
_KEPT_S: Final = 5.0

# For so long a browser need not ask again.
_MAX_AGE_S: Final = 600

_MAX_ORIGIN_CHARS: Final = 100

# A ticket is for these, whatever method is asked for: a preflight comes by OPTIONS.
_UPLOADS: Final = frozenset({"uploads.upload", "images.catalogue"})
_DROP_BOXES: Final = frozenset({"drop_boxes.page", "drop_boxes.drop"})

_ASKED_BY: Final = "Access-Control-Request-Method"
_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
_HEADERS_OF_UPLOADS: Final = (
    "Accept, Authorization, Content-Digest, Content-Disposition, Content-Type, Idempotency-Key, Repr-Digest"
)
_HEADERS: Final = f"{_HEADERS_OF_UPLOADS}, If-Match, If-None-Match, Prefer, Range"
_EXPOSED: Final = (
    "Location, Link, ETag, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, Content-Digest, Delete-Token"
)


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


def init_cors(app: Flask, of_keys: KnownOrigins) -> None:
    """Have *app* answer preflights, and let pages read what `require_origin` or `ticket_admits` has let in."""

    def answer_preflight() -> Response | None:
        if request.method != "OPTIONS" or _ASKED_BY not in request.headers:
            return None
        response = Response(status=204)
        del response.headers["Content-Type"]
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin is None:
            return response
        if origin in of_keys:
            _allow(response, origin, _METHODS, _HEADERS)
        elif request.headers[_ASKED_BY] == "POST" and _some_ticket_admits(origin):
            _allow(response, origin, "POST", _HEADERS_OF_UPLOADS)
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


def ticket_admits(origin: str) -> bool:
    """
    Whether a page of this *origin* may send the request at hand, which is to change something: it is an upload, and the
    ticket that it shows names the origin.
    """
    ticket = _ticket()
    if ticket is None or origin not in ticket.origins:
        return False
    g.allowed_origin = origin
    return True


def _allow(response: Response, origin: str, methods: str, headers: str) -> None:
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Methods"] = methods
    response.headers["Access-Control-Allow-Headers"] = headers
    response.headers["Access-Control-Max-Age"] = str(_MAX_AGE_S)


def _some_ticket_admits(origin: str) -> bool:
    if request.endpoint in _UPLOADS:
        return web_context().ticketing.admits_page(origin)
    ticket = _ticket()
    return ticket is not None and origin in ticket.origins


def _ticket() -> Ticket | None:
    """Return the ticket of the request at hand, if it shows one that is valid."""
    token, bearer = None, request.authorization
    if request.endpoint in _DROP_BOXES:
        token = (request.view_args or {}).get("token")
    elif request.endpoint in _UPLOADS and bearer is not None and bearer.type == "bearer":
        token = bearer.token
    if token is None or not token.startswith(TICKET_PREFIX):
        return None
    try:
        return take_ticket(token)
    except InvalidTicket:
        return None
