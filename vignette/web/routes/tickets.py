"""`/tickets`: tickets are made, looked at and revoked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from flask import Blueprint, Response, make_response, render_template, request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vignette.access.actors import Scope
from vignette.access.names import PATTERN, is_name
from vignette.access.tickets import Ticket
from vignette.errors import (
    CatalogueUnavailable,
    CrossSiteRequest,
    ImageNotFound,
    MalformedRequest,
    TicketNotFound,
    TooManyTickets,
)
from vignette.limits import MAX_EXTERNAL_ID_CHARS, MAX_TICKET_NOTE_CHARS, MAX_TICKET_ORIGINS, MAX_TICKET_USES
from vignette.model import PublicName, Visibility
from vignette.pixels.formats import ACCEPTED_MEDIA_TYPES
from vignette.use_cases.browsing import Page
from vignette.use_cases.ticketing import Terms
from vignette.web.api.headers import Parameter, limit
from vignette.web.api.operations import UNWRITABLE, Answer, operation
from vignette.web.api.resources.images import image_resource
from vignette.web.api.resources.tickets import (
    TicketPage,
    TicketResource,
    TicketWithImages,
    TicketWithToken,
    ticket_resource,
)
from vignette.web.api.urls import absolute_url
from vignette.web.capacity.turns import end_turn
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, no_content, page_or_json, see_other, unstored, with_next
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.http.queries import page_size, said_visibility, whole_number
from vignette.web.small_bodies import FORM, UNREADABLE, read_form, read_json

tickets = Blueprint("tickets", __name__, url_prefix="/tickets")

_IMAGES: Final = 100
_MAX_DAYS: Final = 3650

_FIELDS: Final[dict[str, Any]] = {
    "uses": {"type": "integer"},
    "days": {"type": "integer", "description": "It expires after so many"},
    "visibility": {"type": "string", "enum": list(Visibility)},
    "note": {"type": "string"},
}


class NewTicket(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    uses: Annotated[int, Field(ge=1, le=MAX_TICKET_USES, description="How many images may come by it")] = 1
    expires_at: Annotated[AwareDatetime | None, Field(description="null: it does not expire")] = None
    max_bytes: Annotated[
        int | None, Field(ge=1, lt=2**63, description="Of a file, if less than `GET /limits` tells")
    ] = None
    media_types: Annotated[
        tuple[str, ...],
        Field(
            max_length=len(ACCEPTED_MEDIA_TYPES),
            description="Those of files that may come, by their content; none: all that are accepted",
            examples=[["image/jpeg", "image/heic"]],
        ),
    ] = ()
    visibility: Annotated[
        Visibility | None, Field(description="Who sees the images; null: as the settings of the service say")
    ] = None
    external_id: Annotated[
        str | None, Field(max_length=MAX_EXTERNAL_ID_CHARS, description="What you call them: kept with each image")
    ] = None
    origins: Annotated[
        tuple[str, ...],
        Field(
            max_length=MAX_TICKET_ORIGINS,
            description="Pages of these origins may use it (CORS); none: only our own",
            examples=[["https://app.example"]],
        ),
    ] = ()
    note: Annotated[str | None, Field(max_length=MAX_TICKET_NOTE_CHARS, description="Shown to guests")] = None


@tickets.post("")
@operation(
    "Make a ticket: whoever has it may send so many images without a key",
    Answer(
        201,
        "The ticket. Its token and its address are told here and never again",
        JSON,
        TicketWithToken,
        ("Location", "Cache-Control"),
    ),
    Answer(201, "", HTML),
    scope=Scope.SHARE,
    problems=(CrossSiteRequest, *UNREADABLE, TooManyTickets, *UNWRITABLE),
    bodies={
        JSON: NewTicket,
        FORM: {"schema": {"type": "object", "properties": _FIELDS}},
    },
    curl='--json \'{{"uses": 200, "visibility": "private", "note": "Our wedding"}}\' {server}/tickets',
)
def add() -> Response:
    """
    It needs the scopes `share` and `upload`. A form gets a page with the address and its QR code. A key, also one with
    `admin`, may have 1,000 tickets that can still be used, and so may all together who show none.
    """
    is_form = request.mimetype == FORM
    terms = _terms_of_form(read_form(_FIELDS)) if is_form else _terms(read_json(NewTicket, (JSON, FORM)))
    ticket, token = web_context().ticketing.add(current_actor(), terms)
    url = absolute_url("drop_boxes.page", token=token)
    made = TicketWithToken(**_resource(ticket).model_dump(), token=token, url=url)
    if is_form:
        response = make_response(render_template("ticket_made.html", ticket=made.model_dump(), token=token), 201)
    else:
        response = as_json(made, 201)
    response.headers["Location"] = absolute_url("tickets.show", ticket_id=ticket.id)
    return unstored(response)


@tickets.get("")
@operation(
    "The tickets, newest first",
    Answer(200, "A page of them, without their tokens", JSON, TicketPage, ("Link", "Cache-Control", "Vary")),
    Answer(200, "", HTML),
    scope=Scope.SHARE,
    problems=(MalformedRequest, TicketNotFound, CatalogueUnavailable),
    parameters=(
        limit("Tickets"),
        Parameter("after", "Only tickets that are older than the one of this id", {"type": "string"}),
    ),
    curl="{server}/tickets",
)
def catalogue() -> Response:
    """A key sees those that it has made, `admin` all."""
    size = page_size(request.args)
    ticketing = web_context().ticketing
    found = ticketing.all(current_actor(), size + 1, request.args.get("after"))
    page = found[:size]
    following = absolute_url("tickets.catalogue", limit=size, after=page[-1].id) if len(found) > size else None
    states = ticketing.states(page)
    resources = [ticket_resource(ticket, state) for ticket, state in zip(page, states, strict=True)]
    response = _page_or_json(TicketPage(tickets=resources, next=following), "tickets.html")
    return with_next(response, following)


@tickets.get("/<ticket_id>")
@operation(
    "One ticket, and which images it became",
    Answer(200, "The ticket, without its token", JSON, TicketWithImages, ("Cache-Control", "Vary")),
    Answer(200, "", HTML),
    scope=Scope.SHARE,
    problems=(MalformedRequest, TicketNotFound, ImageNotFound, CatalogueUnavailable),
    parameters=(
        Parameter(
            "before",
            "Only images that came before the one of this public name",
            {"type": "string", "pattern": f"^{PATTERN}$"},
        ),
    ),
    curl="{server}/tickets/0123456789abcdef",
)
def show(ticket_id: str) -> Response:
    ticketing = web_context().ticketing
    ticket = ticketing.get(current_actor(), ticket_id)
    may_look = web_context().policy.why_not(current_actor(), Scope.READ) is None
    page = ticketing.images(ticket, _IMAGES, _before()) if may_look else Page([], has_more=False)
    last = page.images[-1].public_name if page.has_more else None
    following = None if last is None else absolute_url("tickets.show", ticket_id=ticket.id, before=last)
    resource = TicketWithImages(
        **_resource(ticket).model_dump(), images=[image_resource(image) for image in page.images], next=following
    )
    return _page_or_json(resource, "ticket_status.html")


@tickets.delete("/<ticket_id>")
@operation(
    "Revoke a ticket: from now on nothing comes by it",
    Answer(204, "It is revoked. The images that came stay"),
    scope=Scope.SHARE,
    problems=(CrossSiteRequest, TicketNotFound, *UNWRITABLE),
    curl="-X DELETE {server}/tickets/0123456789abcdef",
)
def revoke(ticket_id: str) -> Response:
    end_turn()
    web_context().ticketing.revoke(current_actor(), ticket_id)
    return no_content()


@tickets.post("/<ticket_id>/revoke")
@operation(
    "Revoke a ticket, by the button of its page",
    Answer(303, "It is revoked; its page", HTML, headers=("Location",)),
    scope=Scope.SHARE,
    problems=(CrossSiteRequest, TicketNotFound, *UNWRITABLE),
)
def revoke_by_form(ticket_id: str) -> Response:
    end_turn()
    web_context().ticketing.revoke(current_actor(), ticket_id)
    return see_other(absolute_url("tickets.show", ticket_id=ticket_id))


def _terms(wanted: NewTicket) -> Terms:
    return Terms(**wanted.model_dump())


def _terms_of_form(form: Mapping[str, str]) -> Terms:
    said = {name: value.strip() for name, value in form.items() if value.strip()}
    days = whole_number(said, "days", 1, _MAX_DAYS)
    return Terms(
        uses=whole_number(said, "uses", 1, MAX_TICKET_USES) or 1,
        expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
        visibility=said_visibility(said),
        note=said.get("note"),
    )


def _resource(ticket: Ticket) -> TicketResource:
    [state] = web_context().ticketing.states([ticket])
    return ticket_resource(ticket, state)


def _before() -> PublicName | None:
    name = request.args.get("before")
    if name is not None and not is_name(name):
        raise MalformedRequest(f"before is {name[:40]!r}, and has to be the public name of an image")
    return None if name is None else PublicName(name)


def _page_or_json(resource: TicketPage | TicketWithImages, template: str) -> Response:
    def page() -> str:
        return render_template(template, max_uses=MAX_TICKET_USES, **_for_page(resource))

    return unstored(page_or_json(page, lambda: resource))


def _for_page(resource: TicketPage | TicketWithImages) -> dict[str, Any]:
    if isinstance(resource, TicketPage):
        return {"tickets": [each.model_dump() for each in resource.tickets], "next_url": resource.next}
    return {"ticket": resource.model_dump(), "next_url": resource.next}
