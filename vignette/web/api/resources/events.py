"""What somebody did, or was refused."""

from __future__ import annotations

from pydantic import Field

from vignette.access.events import Event, What
from vignette.web.api.resources.base import Resource, Timestamp


class EventResource(Resource):
    """What somebody did, or was refused."""

    at: Timestamp
    what: What
    actor: str = Field(
        description="The id of the key; `nobody`, who showed none; or `operator`, who ran a command on the machine",
        examples=["0123456789abcdef"],
    )
    address: str | None = Field(
        description="From where: the network or the whole address, as `audit_addresses` says", examples=["192.0.2.0/24"]
    )
    image: int | None = Field(description="The number of the image")
    subject: str | None = Field(description="The id of the key or of the session that it was done to")
    detail: str | None = Field(
        description="Who sees the image now; which scopes the key got, or what of it was changed; the code of the"
        " problem and the scope that was missing",
        examples=["private"],
    )
    times: int = Field(description="How many refusals alike are told as this one")


class EventPage(Resource):
    """Events, newest first; `next` is the URL of the page after this one, or null on the last."""

    events: list[EventResource]
    next: str | None


def event_resource(event: Event) -> EventResource:
    return EventResource(
        at=event.at,
        what=event.what,
        actor=event.actor,
        address=event.address,
        image=event.image_id,
        subject=event.subject,
        detail=event.detail,
        times=event.times,
    )
