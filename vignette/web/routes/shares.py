"""`/images/<image>/share`: signed links are made, shown and ended by the forms of a page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from flask import Blueprint, Response, make_response, render_template, request, url_for

from vignette.access.actors import Scope
from vignette.access.links import Place, Representation
from vignette.errors import (
    CatalogueUnavailable,
    CrossSiteRequest,
    FileNotStored,
    ImageDeleted,
    ImageNotFound,
    LinkNotFound,
    RecipeNotFound,
    StoreFull,
    TooManyLinks,
)
from vignette.model import Image, ImageRef
from vignette.use_cases.linking import Wanted
from vignette.web.api.headers import Parameter
from vignette.web.api.operations import UNWRITABLE, Answer, operation
from vignette.web.api.resources.images import as_rendered
from vignette.web.api.urls import absolute_url, ref_of
from vignette.web.capacity.turns import end_turn
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import see_other, unstored
from vignette.web.http.link_cookie import set_link, told_link
from vignette.web.http.negotiation import HTML
from vignette.web.http.queries import one_of
from vignette.web.linked import linked_url
from vignette.web.pages.ends import TO_A_DAY, NoSuchDay, said_end
from vignette.web.pages.qr import qr_in_page
from vignette.web.small_bodies import FORM, UNREADABLE, read_form

shares = Blueprint("shares", __name__, url_prefix="/images/<image_id:image_id>/share")

_LASTS: Final = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30),
}

_GONE: Final = (ImageNotFound, ImageDeleted)

_FORM: Final = {
    "type": "object",
    "properties": {
        "what": {"type": "string", "enum": list(Representation)},
        "lasts": {"type": "string", "enum": [*_LASTS, TO_A_DAY]},
        "date": {"type": "string", "format": "date", "description": f"With `lasts={TO_A_DAY}`: its last day, in UTC"},
        "place": {"type": "string", "enum": list(Place), "description": "Of a page: what it tells of the place"},
        "size": {"type": "string", "description": "Of a vignette: the name of its recipe"},
        "revocable": {"type": "string", "description": "Whatever it says: the link can be ended before its time"},
    },
    "required": ["what", "lasts"],
}


@shares.get("")
@operation(
    "The page of the signed links to an image: a form that makes one, and those that can be ended",
    Answer(200, "A page", HTML, headers=("Cache-Control",)),
    scope=Scope.SHARE,
    problems=(*_GONE, CatalogueUnavailable),
    parameters=(Parameter("made", "Show the link that this browser has just made", {"type": "string"}),),
)
def page(image_id: ImageRef) -> Response:
    return _page(web_context().browsing.existing(current_actor(), image_id))


@shares.post("")
@operation(
    "Make a signed link, by the form of a page",
    Answer(303, "The page that shows it", HTML, headers=("Location", "Set-Cookie")),
    scope=Scope.SHARE,
    problems=(
        *(CrossSiteRequest, *UNREADABLE, *_GONE, RecipeNotFound, TooManyLinks),
        *UNWRITABLE,
    ),
    bodies={FORM: {"schema": _FORM}},
)
def add(image_id: ImageRef) -> Response:
    """The original is linked with all that it tells; public copy and vignette tell nothing of the place."""
    form = read_form(_FORM["properties"])
    image = web_context().browsing.existing(current_actor(), image_id)
    try:
        wanted = _wanted(form, datetime.now(UTC))
    except NoSuchDay:
        return _page(image, form)
    linking = web_context().linking
    link = linking.make(current_actor(), image_id, wanted)
    response = see_other(absolute_url("shares.page", image_id=ref_of(image), made=1))
    set_link(response, request, link.what, linking.query(link), url_for("shares.page", image_id=ref_of(image)))
    return response


@shares.post("/end")
@operation(
    "End all links to an image that were made until now, by the form of a page",
    Answer(303, "They are ended; the page of the links", HTML, headers=("Location",)),
    scope=Scope.SHARE,
    problems=(CrossSiteRequest, *_GONE, *UNWRITABLE, FileNotStored),
)
def end(image_id: ImageRef) -> Response:
    end_turn()
    web_context().linking.end_all(current_actor(), image_id)
    return see_other(absolute_url("shares.page", image_id=image_id))


@shares.post("/<link_id>/end")
@operation(
    "End one link to an image, by the form of a page",
    Answer(303, "It is ended; the page of the links", HTML, headers=("Location",)),
    scope=Scope.SHARE,
    problems=(CrossSiteRequest, *_GONE, LinkNotFound, CatalogueUnavailable, StoreFull),
)
def revoke(image_id: ImageRef, link_id: str) -> Response:
    end_turn()
    web_context().linking.revoke(current_actor(), image_id, link_id)
    return see_other(absolute_url("shares.page", image_id=image_id))


def _page(image: Image, refused: Mapping[str, str] | None = None) -> Response:
    """Return the page; with the form as it was sent if it was *refused*, because of the day."""
    links = web_context().linking.of_image(current_actor(), ref_of(image))
    rendered = render_template(
        "share.html",
        image=as_rendered(image),
        links=links,
        said=refused or {},
        new_link=None if refused is not None else _just_made(image),
    )
    return unstored(make_response(rendered, 200 if refused is None else 400))


def _just_made(image: Image) -> dict[str, object] | None:
    """Return what the page tells of the link that was just made, as long as it holds."""
    if "made" not in request.args or image.public_name is None or (told := told_link(request)) is None:
        return None
    what, query = told
    grant = web_context().linking.grant(what, image.public_name, query)
    if grant is None or grant.link.is_ended_by(image.links_ended_at):
        return None
    url = linked_url(grant.link)
    return {"link": grant.link, "url": url, "qr": qr_in_page(url)}


def _wanted(form: Mapping[str, str], now: datetime) -> Wanted:
    what = Representation(one_of(form, "what", list(Representation)))
    # Neither a copy nor a vignette tells of the place what a page does, and an original tells all that it holds.
    place = Place.NONE
    if what is Representation.ORIGINAL:
        place = Place.EXACT
    elif what is Representation.PAGE:
        place = Place(one_of(form, "place", list(Place)))
    return Wanted(
        what,
        said_end(form, _LASTS, now),
        place,
        recipe=(form.get("size") or None) if what is Representation.VIGNETTE else None,
        revocable="revocable" in form,
    )
