"""Tickets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vignette.access.tickets import Ticket, TicketState
from vignette.web.api.resources.base import Resource, Timestamp
from vignette.web.api.resources.images import ImageResource


class TicketResource(Resource):
    """A ticket, without its token."""

    id: str = Field(examples=["0123456789abcdef"])
    state: Literal["open", "spent", "expired", "revoked"] = Field(
        description="`revoked` too if the key that made it is gone, or may not upload any more"
    )
    uses: int = Field(description="How many images may come by it")
    spent: int = Field(description="How many came")
    owner: str | None = Field(description="The id of the key that made it, whose the images are")
    created_at: Timestamp
    expires_at: Timestamp | None
    revoked_at: Timestamp | None
    max_bytes: int | None
    media_types: list[str]
    visibility: Literal["public", "private"] | None
    external_id: str | None
    origins: list[str]
    note: str | None


class TicketWithToken(TicketResource):
    token: str = Field(description="The secret to show with `POST /images`: `Authorization: Bearer <token>`")
    url: str = Field(description="The page where guests send their pictures; it holds the secret")


class TicketWithImages(TicketResource):
    images: list[ImageResource] = Field(description="Those that came and are there, newest first")
    next: str | None = Field(description="The URL that tells of older ones")


class TicketPage(Resource):
    """Tickets, newest first; `next` is the URL of the page after this one, or null on the last."""

    tickets: list[TicketResource]
    next: str | None


def ticket_resource(ticket: Ticket, state: TicketState) -> TicketResource:
    return TicketResource(
        id=ticket.id,
        state=state.value,
        uses=ticket.uses,
        spent=ticket.spent,
        owner=ticket.owner,
        created_at=ticket.created_at,
        expires_at=ticket.expires_at,
        revoked_at=ticket.revoked_at,
        max_bytes=ticket.max_bytes,
        media_types=list(ticket.media_types),
        visibility=None if ticket.visibility is None else ticket.visibility.value,
        external_id=ticket.external_id,
        origins=list(ticket.origins),
        note=ticket.note,
    )
