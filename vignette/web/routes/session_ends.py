"""Sessions are ended by the forms of a page."""

from __future__ import annotations

from flask import Blueprint, Response, request

from vignette.errors import CatalogueUnavailable, CrossSiteRequest, KeyRequired, SessionNotFound, StoreFull
from vignette.web.api.operations import Answer, operation
from vignette.web.api.urls import absolute_url
from vignette.web.capacity.turns import end_turn
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import see_other
from vignette.web.http.negotiation import HTML
from vignette.web.http.session_cookie import session_token

session_ends = Blueprint("session_ends", __name__, url_prefix="/sessions")


@session_ends.post("/end-others")
@operation(
    "End all sessions of the key that was shown but the one that asks, by the form of a page",
    Answer(303, "They have ended; the page of the sessions", HTML, headers=("Location",)),
    scope=None,
    problems=(CrossSiteRequest, KeyRequired, CatalogueUnavailable, StoreFull),
)
def end_others() -> Response:
    end_turn()
    web_context().signing_in.end_others(current_actor(), session_token(request))
    return _to_the_page()


@session_ends.post("/<session_id>/end")
@operation(
    "End a session of the key that was shown, by the form of a page",
    Answer(303, "It has ended; the page of the sessions", HTML, headers=("Location",)),
    scope=None,
    problems=(CrossSiteRequest, KeyRequired, SessionNotFound, CatalogueUnavailable, StoreFull),
)
def end(session_id: str) -> Response:
    end_turn()
    web_context().signing_in.end(current_actor(), session_id)
    return _to_the_page()


def _to_the_page() -> Response:
    return see_other(absolute_url("sessions.mine"))
