"""
Pages of other origins that may use a ticket: what is said to their browsers (CORS, the Fetch standard, 3.2).

A ticket names the origins. Nobody else's pages learn anything: no other answer has a header of this kind, and none ever
allows a cookie along.
"""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, g, request

from vignette.access.secrets import TICKET_PREFIX
from vignette.access.tickets import Ticket
from vignette.errors import InvalidTicket
from vignette.web.context import web_context
from vignette.web.guests import take_ticket

# By the paths of uploads, with any method: a question beforehand comes by OPTIONS.
_BY_BEARER: Final = frozenset({"uploads.upload", "images.catalogue"})
_BY_URL: Final = frozenset({"drop_boxes.page", "drop_boxes.drop"})

_ASKED_HEADERS: Final = (
    "Accept, Authorization, Content-Digest, Content-Disposition, Content-Type, Idempotency-Key, Repr-Digest"
)
_TOLD_HEADERS: Final = "Location, Retry-After"
_HOLDS_S: Final = 600


def init_cross_origin(app: Flask) -> None:
    """Have *app* answer browsers that ask beforehand, and tell them which page may read the answer to an upload."""
    app.before_request(_answer_beforehand)
    app.after_request(_name_origin)


def may_upload(origin: str) -> bool:
    """
    Whether a page of this *origin* may send the request at hand: it is an upload, and the ticket that it shows names
    the origin.
    """
    if request.method != "POST":
        return False
    ticket = _shown()
    if ticket is None or origin not in ticket.origins:
        return False
    g.cross_origin = origin
    return True


def _answer_beforehand() -> Response | None:
    origin = request.headers.get("Origin")
    if (
        request.method != "OPTIONS"
        or origin is None
        or request.headers.get("Access-Control-Request-Method") != "POST"
        or not _may_ask(origin)
    ):
        return None
    response = Response(status=204)
    del response.headers["Content-Type"]
    response.headers["Access-Control-Allow-Methods"] = "POST"
    response.headers["Access-Control-Allow-Headers"] = _ASKED_HEADERS
    response.headers["Access-Control-Max-Age"] = str(_HOLDS_S)
    g.cross_origin = origin
    return response


def _may_ask(origin: str) -> bool:
    """
    Whether some ticket lets pages of *origin* upload: a browser shows none when it asks, unless the path holds it.
    """
    if request.endpoint in _BY_BEARER:
        return web_context().ticketing.admits_page(origin)
    ticket = _shown()
    return ticket is not None and origin in ticket.origins


def _shown() -> Ticket | None:
    """Return the ticket of the request at hand, if it shows one that is valid."""
    token, bearer = None, request.authorization
    if request.endpoint in _BY_URL:
        token = (request.view_args or {}).get("token")
    elif request.endpoint in _BY_BEARER and bearer is not None and bearer.type == "bearer":
        token = bearer.token
    if token is None or not token.startswith(TICKET_PREFIX):
        return None
    try:
        return take_ticket(token)
    except InvalidTicket:
        return None


def _name_origin(response: Response) -> Response:
    origin = g.get("cross_origin")
    if origin is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _TOLD_HEADERS
        response.vary.add("Origin")
    return response
