"""`/keys/<key>/change` and `/keys/<key>/remove`: a key is changed and taken back by forms of pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Blueprint, Response, make_response, render_template

from vignette.access.actors import Scope
from vignette.access.keys import Key
from vignette.errors import CatalogueUnavailable, CrossSiteRequest, KeyNotFound
from vignette.limits import MAX_QUOTA
from vignette.web.api.operations import UNWRITABLE, Answer, operation
from vignette.web.api.resources.keys import key_resource
from vignette.web.api.urls import absolute_url
from vignette.web.capacity.turns import end_turn
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import see_other, unstored
from vignette.web.http.negotiation import HTML
from vignette.web.pages.key_form import FORM_SCHEMA, MOST_MIB, RefusedField, filled_in, wanted_key
from vignette.web.small_bodies import FORM, UNREADABLE, read_form

key_forms = Blueprint("key_forms", __name__, url_prefix="/keys/<key_id>")


@key_forms.get("/change")
@operation(
    "The page on which a key is changed",
    Answer(200, "A form that says what it is", HTML, headers=("Cache-Control",)),
    scope=Scope.ADMIN,
    problems=(KeyNotFound, CatalogueUnavailable),
)
def change_page(key_id: str) -> Response:
    key = web_context().keyholding.get(current_actor(), key_id)
    return _change_page(key, filled_in(key))


@key_forms.post("/change")
@operation(
    "Change a key, by the form of a page",
    Answer(303, "It is changed; its page", HTML, headers=("Location",)),
    scope=Scope.ADMIN,
    problems=(CrossSiteRequest, *UNREADABLE, KeyNotFound, *UNWRITABLE),
    bodies={FORM: {"schema": FORM_SCHEMA}},
)
def change(key_id: str) -> Response:
    form, actor, keyholding = read_form(FORM_SCHEMA["properties"]), current_actor(), web_context().keyholding
    key = keyholding.get(actor, key_id)
    try:
        changes = wanted_key(form, datetime.now(UTC), key).changes(key)
    except RefusedField as refused:
        return _change_page(key, form, refused.name, 400)
    if changes:
        keyholding.change(actor, key_id, **changes)
    # Whoever has just taken `admin` from his own key sees it all the same.
    is_mine = key_id == actor.key_id
    following = absolute_url("keys.mine") if is_mine else absolute_url("keys.show", key_id=key_id)
    return see_other(following)


def _change_page(key: Key, form: Mapping[str, str], refused: str | None = None, status: int = 200) -> Response:
    page = render_template(
        "key_change.html",
        key=key_resource(key),
        form=form,
        refused=refused,
        is_mine=key.id == current_actor().key_id,
        most=MAX_QUOTA,
        most_mib=MOST_MIB,
    )
    return unstored(make_response(page, status))


@key_forms.get("/remove")
@operation(
    "The page that asks whether a key is to be taken back",
    Answer(200, "What will be gone, and a form", HTML, headers=("Cache-Control",)),
    scope=Scope.ADMIN,
    problems=(KeyNotFound, CatalogueUnavailable),
)
def removal_page(key_id: str) -> Response:
    actor = current_actor()
    key = web_context().keyholding.get(actor, key_id)
    page = render_template("key_removal.html", key=key_resource(key), is_mine=key.id == actor.key_id)
    return unstored(make_response(page))


@key_forms.post("/remove")
@operation(
    "Take a key back, by the button of a page",
    Answer(
        303,
        "It is gone; the page of the keys, or the front page for whoever has taken back his own",
        HTML,
        headers=("Location",),
    ),
    scope=Scope.ADMIN,
    problems=(CrossSiteRequest, KeyNotFound, *UNWRITABLE),
)
def remove(key_id: str) -> Response:
    end_turn()
    actor = current_actor()
    web_context().keyholding.remove(actor, key_id)
    following = "about.home" if key_id == actor.key_id else "keys.catalogue"
    return see_other(absolute_url(following))
