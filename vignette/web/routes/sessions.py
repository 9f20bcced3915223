"""Signing in and out with a browser, and the sessions of a key."""

from __future__ import annotations

import re
from typing import Final

from flask import Blueprint, Response, make_response, render_template, request

from vignette.access.sessions import ENDS_AFTER, IDLE_ENDS_AFTER
from vignette.errors import (
    CatalogueUnavailable,
    CrossSiteRequest,
    FirstKeyGone,
    InvalidKey,
    KeyRequired,
    SessionNotFound,
    StoreFull,
    StoreUnavailable,
)
from vignette.web.api.headers import Parameter
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources.sessions import SessionList, session_resource
from vignette.web.api.urls import absolute_url
from vignette.web.capacity.turns import end_turn
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import no_content, page_or_json, see_other, unstored
from vignette.web.http.clients import address_of_this_request
from vignette.web.http.hosts import Hosts
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.http.problems import telling
from vignette.web.http.session_cookie import clear_session, session_token, set_session
from vignette.web.pages.browsers import browser_of
from vignette.web.rates import guessing_is_noticed
from vignette.web.small_bodies import FORM, UNREADABLE, read_form

sessions = Blueprint("sessions", __name__)

# Nobody listens in on the way to these.
_THIS_MACHINE: Final = Hosts()

_LOGIN_FIELDS: Final = {
    "key": {"type": "string"},
    "next": {"type": "string"},
    "username": {"type": "string", "description": "For managers of passwords, which want one; nobody reads it"},
}

# A path of ours. Browsers read "//host" and "/\\host" as another host.
_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]{0,500}", re.ASCII)


@sessions.get("/login")
@operation("The page for signing in with a key", Answer(200, "A form", HTML), scope=None)
def login_page() -> Response:
    return _page(request.args.get("next"))


@sessions.post("/login")
@operation(
    "Begin a session: from now on a cookie tells who asks",
    Answer(303, "Signed in; the page that was wanted, or the front page", HTML, headers=("Location", "Set-Cookie")),
    Answer(401, "The key is not valid", HTML, headers=("WWW-Authenticate",)),
    scope=None,
    problems=(CrossSiteRequest, *UNREADABLE, InvalidKey, CatalogueUnavailable, StoreFull),
    bodies={
        FORM: {
            "schema": {
                "type": "object",
                "properties": _LOGIN_FIELDS,
                "required": ["key"],
            }
        }
    },
)
def login() -> Response:
    """`next` is the path of the page to go to. What the session may do is what its key may do whenever it is used."""
    form, signing_in = read_form(_LOGIN_FIELDS), web_context().signing_in
    wanted = form.get("next")
    try:
        with guessing_is_noticed():
            _, token = signing_in.sign_in(
                form.get("key", "").strip(), address_of_this_request(), request.headers.get("User-Agent")
            )
    except InvalidKey as error:
        return telling(_page(wanted, error), error)
    if former := session_token(request):
        signing_in.sign_out(former, address_of_this_request())
    response = see_other(_path(wanted))
    set_session(response, request, token)
    return response


@sessions.post("/logout")
@operation(
    "End the session",
    Answer(303, "Signed out; the front page", HTML, headers=("Location", "Set-Cookie", "Clear-Site-Data")),
    scope=None,
    problems=(CrossSiteRequest, InvalidKey, CatalogueUnavailable, StoreFull),
)
def logout() -> Response:
    end_turn()
    if token := session_token(request):
        web_context().signing_in.sign_out(token, address_of_this_request())
    response = see_other(absolute_url("about.home"))
    clear_session(response, request)
    # What a browser has kept of pages for this reader goes with the session.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@sessions.get("/first-key")
@operation(
    "The page that makes the first key, for whoever has started the service",
    Answer(200, "A button: what only looks at the link uses it up in vain", HTML),
    scope=None,
    parameters=(Parameter("token", "As in the link that the start has printed", {"type": "string"}),),
)
def first_key_page() -> Response:
    page = render_template("first_key.html", offer=request.args.get("token", ""), token=None)
    return unstored(make_response(page))


@sessions.post("/first-key")
@operation(
    "Make the first key, and begin a session with it",
    Answer(201, "A page that shows the key, once", HTML, headers=("Set-Cookie",)),
    scope=None,
    problems=(CrossSiteRequest, *UNREADABLE, FirstKeyGone, CatalogueUnavailable, StoreUnavailable, StoreFull),
    bodies={
        FORM: {"schema": {"type": "object", "properties": {"token": {"type": "string"}}, "required": ["token"]}},
    },
)
def first_key() -> Response:
    form, signing_in = read_form(("token",)), web_context().signing_in
    with guessing_is_noticed():
        _, token = web_context().first_key.take(form.get("token", "").strip(), current_actor())
    _, session = signing_in.sign_in(token, address_of_this_request(), request.headers.get("User-Agent"))
    response = unstored(make_response(render_template("first_key.html", offer=None, token=token), 201))
    set_session(response, request, session)
    return response


@sessions.get("/sessions")
@operation(
    "The sessions of the key that was shown",
    Answer(200, "The sessions, the one that was used last first", JSON, SessionList, ("Cache-Control", "Vary")),
    Answer(200, "", HTML),
    scope=None,
    problems=(KeyRequired, CatalogueUnavailable),
    curl="{server}/sessions",
)
def mine() -> Response:
    signing_in = web_context().signing_in
    found = SessionList(sessions=[session_resource(session) for session in signing_in.mine(current_actor())])

    def page() -> str:
        current = signing_in.current(session_token(request))
        return render_template(
            "sessions.html",
            sessions=found.sessions,
            current=current and current.id,
            browser_of=browser_of,
            idle_days=IDLE_ENDS_AFTER.days,
            most_days=ENDS_AFTER.days,
        )

    return unstored(page_or_json(page, lambda: found))


@sessions.delete("/sessions/<session_id>")
@operation(
    "End a session of the key that was shown",
    Answer(204, "It has ended"),
    scope=None,
    problems=(CrossSiteRequest, KeyRequired, SessionNotFound, CatalogueUnavailable, StoreFull),
    curl="-X DELETE {server}/sessions/0123456789abcdef",
)
def end(session_id: str) -> Response:
    end_turn()
    web_context().signing_in.end(current_actor(), session_id)
    return no_content()


def _page(wanted: str | None, error: InvalidKey | None = None) -> Response:
    is_secret = request.is_secure or request.host in _THIS_MACHINE
    page = render_template("login.html", wanted=_path(wanted), error=error, is_secret=is_secret)
    return unstored(make_response(page))


def _path(wanted: str | None) -> str:
    """Return the path to go to: *wanted* if it is one of ours, else that of the front page."""
    return wanted if wanted and _PATH.fullmatch(wanted) else absolute_url("about.home")
