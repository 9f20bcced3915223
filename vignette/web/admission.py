"""
Who asks, and may he? Before a view is called, and before the body of a request is read.

A program shows its key, or a ticket, as a Bearer token (RFC 6750, 2.1), a browser the cookie of a session. A signed
link needs neither, and gives what it is for whoever else asks by it: with its parameters, keys and sessions are not
looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from flask import Flask, Response, current_app, g, request
from werkzeug.datastructures import Authorization

from vignette.access.actors import NOBODY, Actor, Grant, Scope
from vignette.access.links import SIGNATURE, Representation
from vignette.access.policy import Access, Policy
from vignette.access.secrets import PREFIX, TICKET_PREFIX
from vignette.errors import CrossSiteRequest, ImageNotFound
from vignette.model import Image, ImageRef, PublicName
from vignette.web.api.operations import Operation, operation_of
from vignette.web.context import current_actor, web_context
from vignette.web.cors import note_who_asks, require_origin
from vignette.web.guests import take_ticket
from vignette.web.http.clients import address_of_this_request
from vignette.web.http.cross_site import SAFE_METHODS
from vignette.web.http.delete_tokens import delete_token
from vignette.web.http.session_cookie import session_token
from vignette.web.linked import current_link, keep_while_it_holds
from vignette.web.rates import admit_actor, guessing_is_noticed
from vignette.web.request_log import note_key

Authenticate = Callable[[str, str | None], Actor]
"""Return who shows a token, from an address; raise `InvalidKey` if it is none of ours."""

Resume = Callable[[str, str | None], Actor | None]
"""Return who has the session of a token, from an address; None if there is no such session, any more."""

Open = Callable[[Representation, PublicName, Mapping[str, Sequence[str]]], Grant | None]
"""Return what a URL with this query gives of an image; None if it is no signed link that holds."""

# Views of Flask itself. All others declare their scope.
_ASSETS: Final = "static"

_FIRST_REFUSAL: Final = 400


def init_admission(
    app: Flask,
    policy: Policy,
    authenticate: Authenticate,
    resume: Resume,
    open_link: Open,
    *,
    knows_its_scheme: bool = False,
) -> None:
    """Have each view of *app* asked only by actors who may, and templates know what the actor may do (`may`)."""

    def admit() -> None:
        g.actor = NOBODY
        if request.endpoint == _ASSETS:
            return
        if (what := _linked_as(request.endpoint)) is not None and SIGNATURE in request.args:
            note_who_asks()
            g.actor = by_link(what)
            return
        authorization = request.authorization
        if authorization is not None and is_for_us(authorization):
            shown = authorization.token or ""
            with guessing_is_noticed():
                if shown.startswith(TICKET_PREFIX):
                    take_ticket(shown)
                else:
                    g.actor = authenticate(shown, address_of_this_request())
            if g.actor.key_id is not None:
                require_origin(g.actor, knows_its_scheme=knows_its_scheme)
        elif token := session_token(request):
            g.actor = resume(token, address_of_this_request()) or NOBODY
            if g.actor != NOBODY:
                _require_page_of_ours()
        note_who_asks()
        if request.method not in SAFE_METHODS:
            g.actor = replace(g.actor, address=address_of_this_request())
        if g.actor.key_id is not None:
            note_key(request.environ, g.actor.key_id)
        admit_actor(g.actor)
        scope = _scope_of(request.endpoint)
        if scope is Scope.DELETE and _is_settled_by_a_token():
            return
        if scope is not None and (refusal := policy.why_not(g.actor, scope)):
            raise refusal

    def by_link(what: Representation) -> Actor:
        """Return who comes by a link. One that does not hold is answered as if there were no such image."""
        ref: ImageRef = (request.view_args or {})["image_id"]
        # A link speaks of public names alone: whoever has signed it need not know the number.
        name = None if isinstance(ref, int) else ref
        grant = None if name is None else open_link(what, name, request.args.to_dict(flat=False))
        if grant is None:
            raise policy.why_not(NOBODY, Scope.READ) or ImageNotFound(f"there is no image {ref}")
        return Actor(link=grant)

    def is_for_us(authorization: Authorization) -> bool:
        """Whether a key is shown. Other schemes are for a proxy in front, and so are other tokens if none is needed."""
        is_needed = policy.access is not Access.OPEN
        is_ours = (authorization.token or "").startswith((PREFIX, TICKET_PREFIX))
        return authorization.type == "bearer" and (is_needed or is_ours)

    def keep_private(response: Response) -> Response:
        if (link := current_link()) is not None and response.status_code < _FIRST_REFUSAL:
            return keep_while_it_holds(response, link)
        scope = _scope_of(request.endpoint)
        # With open doors only `admin` is told other things than everybody, where everybody may ask.
        is_as_for_all = scope is not Scope.READ or not current_actor().has(Scope.ADMIN)
        if scope is None or (policy.access is Access.OPEN and is_as_for_all):
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
        # Were it the link's actor, the page of a refusal would tell whether the signature is right.
        actor = NOBODY if current_link() is not None else current_actor()
        return policy.why_not(actor, Scope(scope)) is None

    app.before_request(admit)
    app.after_request(keep_private)
    app.jinja_env.globals.update(may=may, has_doors=policy.access is not Access.OPEN, visibility_of_new=policy.of_new)
    app.context_processor(lambda: {"is_signed_in": current_actor().key_id is not None})


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
    operation = _operation_of(endpoint)
    return Scope.ADMIN if operation is None else operation.scope


def _linked_as(endpoint: str | None) -> Representation | None:
    """Return what a signed link calls what a view gives; None if no link leads there."""
    operation = None if endpoint is None else _operation_of(endpoint)
    return None if operation is None else operation.link


def _operation_of(endpoint: str) -> Operation | None:
    view: Callable[..., Any] = current_app.view_functions[endpoint]
    return operation_of(view)
