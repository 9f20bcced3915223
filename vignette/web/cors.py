"""
Pages of other sites that use a key or a ticket (the Fetch standard, "HTTP cors protocol"): those of the origins that
the key or the ticket names.

A browser asks first (a preflight), without key or token, unless the path holds one; so that answer tells only whether
any key or ticket that is valid names the origin. The request itself is refused unless its own does. No cookie ever
comes along: answers say nothing of credentials. What is refused before it is known who asks: `http.foreign_readers`.
"""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, g, request

from vignette.access.actors import Actor
from vignette.access.secrets import TICKET_PREFIX
from vignette.access.tickets import Ticket
from vignette.errors import CrossSiteRequest, InvalidTicket, QuotaExceeded, Unavailable
from vignette.web.context import web_context
from vignette.web.guests import take_ticket
from vignette.web.http.cross_site import foreign_origin, refuse_marked
from vignette.web.http.foreign_readers import (
    ForeignReaders,
    allowing,
    allowing_uploads,
    asks_to_post,
    is_preflight,
    letting_read,
)
from vignette.web.http.problems import refusal_of_this_request

_MAX_ORIGIN_CHARS: Final = 100

# A ticket is for these, whatever method is asked for: a preflight comes by OPTIONS.
_UPLOADS: Final = frozenset({"uploads.upload", "images.catalogue"})
_DROP_BOXES: Final = frozenset({"drop_boxes.page", "drop_boxes.drop"})

# Before it is found out who asks: what comes back by itself, and says nothing of his key.
_COMES_BACK: Final = (QuotaExceeded, Unavailable)


def init_cors(app: Flask, readers: ForeignReaders) -> None:
    """
    Have *app* answer preflights, and let pages read what `require_origin` or `ticket_admits` has let in; and *readers*,
    that there is nothing to be had now, where it has not come to that.
    """

    def answer_preflight() -> Response | None:
        if not is_preflight(request.environ):
            return None
        response = Response(status=204)
        del response.headers["Content-Type"]
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin is None:
            return response
        if origin in readers.of_keys:
            response.headers.update(allowing(origin))
        elif asks_to_post(request.environ) and _some_ticket_admits(origin):
            response.headers.update(allowing_uploads(origin))
        return response

    def let_read(response: Response) -> Response:
        if (origin := g.get("allowed_origin") or _reader_of_a_refusal()) is not None:
            response.headers.update(letting_read(origin))
            response.vary.add("Origin")
        return response

    def _reader_of_a_refusal() -> str | None:
        if g.get("is_known_who_asks") or not isinstance(refusal_of_this_request(), _COMES_BACK):
            return None
        return readers.of_a_refusal(request.environ)

    app.before_request(answer_preflight)
    app.after_request(let_read)


def note_who_asks() -> None:
    """Note that it is known who asks: from now on only pages of an origin that his key or ticket names read on."""
    g.is_known_who_asks = True


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
