"""
Who asks, and may he? Before a view is called, and before the body of a request is read.

A program shows its key as a Bearer token (RFC 6750, 2.1), a browser the cookie of a session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from flask import Flask, Response, current_app, g, request
from werkzeug.datastructures import Authorization

from vignette.access.actors import NOBODY, Actor, Scope
from vignette.access.policy import Access, Policy
from vignette.access.secrets import PREFIX
from vignette.errors import CrossSiteRequest
from vignette.model import Image
from vignette.web.api.operations import operation_of
from vignette.web.context import current_actor, web_context
from vignette.web.http.clients import address_of_this_request
from vignette.web.http.cross_site import SAFE_METHODS
from vignette.web.http.delete_tokens import delete_token
from vignette.web.http.session_cookie import session_token
from vignette.web.request_log import note_key

Authenticate = Callable[[str, str | None], Actor]
"""Return who shows a token, from an address; raise `InvalidKey` if it is none of ours."""

Resume = Callable[[str, str | None], Actor | None]
"""Return who has the session of a token, from an address; None if there is no such session, any more."""

# Views of Flask itself. All others declare their scope.
_ASSETS: Final = "static"


def init_admission(app: Flask, policy: Policy, authenticate: Authenticate, resume: Resume) -> None:
    """Have each view of *app* asked only by actors who may, and templates know what the actor may do (`may`)."""

    def admit() -> None:
        g.actor = NOBODY
        if request.endpoint == _ASSETS:
            return
        authorization = request.authorization
        if authorization is not None and is_for_us(authorization):
            g.actor = authenticate(authorization.token or "", address_of_this_request())
        elif token := session_token(request):
            g.actor = resume(token, address_of_this_request()) or NOBODY
            if g.actor != NOBODY:
                _require_page_of_ours()
        if request.method not in SAFE_METHODS:
            g.actor = replace(g.actor, address=address_of_this_request())
        if g.actor.key_id is not None:
            note_key(request.environ, g.actor.key_id)
        scope = _scope_of(request.endpoint)
        if scope is Scope.DELETE and _is_settled_by_a_token():
            return
        if scope is not None and (refusal := policy.why_not(g.actor, scope)):
            raise refusal

    def is_for_us(authorization: Authorization) -> bool:
        """Whether a key is shown. Other schemes are for a proxy in front, and so are other tokens if none is needed."""
        is_needed = policy.access is not Access.OPEN
        return authorization.type == "bearer" and (is_needed or (authorization.token or "").startswith(PREFIX))

    def keep_private(response: Response) -> Response:
        if policy.access is Access.OPEN or _scope_of(request.endpoint) is None:
            return response
        response.vary.add("Authorization")
        if not (response.mimetype or "").startswith("image/"):
            response.vary.add("Cookie")  # of pictures, those who may not see them get none
        # Who shows no key gets what everybody gets.
        is_for_everybody = policy.access is Access.GALLERY and current_actor() == NOBODY
        if not is_for_everybody and "no-store" not in response.headers.get("Cache-Control", ""):
            response.headers["Cache-Control"] = "private, no-cache"
        return response

    def may(scope: str) -> bool:
        return policy.why_not(current_actor(), Scope(scope)) is None

    app.before_request(admit)
    app.after_request(keep_private)
    app.jinja_env.globals.update(may=may, has_doors=policy.access is not Access.OPEN, visibility_of_new=policy.of_new)
    app.context_processor(lambda: {"is_signed_in": current_actor() != NOBODY})


def _require_page_of_ours() -> None:
    """
    Refuse a request that changes something and shows a session, unless the browser says that a page of ours sent it.
    What it says is looked at by `http.cross_site`; every browser says it of such requests.
    """
    if request.method not in SAFE_METHODS and not {"Origin", "Sec-Fetch-Site"} & set(request.headers.keys()):
        raise CrossSiteRequest("with a session, `Origin` has to tell which page this comes from")


def allowed(image: Image) -> frozenset[Scope]:
    """What who asks may do to *image*."""
    policy, actor = web_context().policy, current_actor()
    return frozenset(scope for scope in Scope if policy.why_not(actor, scope, image) is None)


def _is_settled_by_a_token() -> bool:
    """Whether a delete token is shown to a view that takes it: the token alone then tells what may be done."""
    assert request.endpoint is not None
    operation = operation_of(current_app.view_functions[request.endpoint])
    return operation is not None and operation.takes_delete_tokens and delete_token(request) is not None


def _scope_of(endpoint: str | None) -> Scope | None:
    """Return what who asks needs for a view; a view that declares nothing is for `Scope.ADMIN` alone."""
    if endpoint is None or endpoint == _ASSETS:  # there is no view: the answer is 404 or 405
        return None
    view: Callable[..., Any] = current_app.view_functions[endpoint]
    operation = operation_of(view)
    return Scope.ADMIN if operation is None else operation.scope
