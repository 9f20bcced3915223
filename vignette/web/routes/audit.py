"""`/audit`: who did what, when, and from where; for `admin`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, Response, request

from vignette.access.actors import Scope
from vignette.access.events import Place, What
from vignette.errors import CatalogueUnavailable, MalformedRequest
from vignette.model import ImageId
from vignette.web.api.headers import Parameter, limit
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources.events import EventPage, event_resource
from vignette.web.api.urls import absolute_url
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, unstored, with_next
from vignette.web.http.negotiation import JSON
from vignette.web.http.queries import MOST_ID, page_size, whole_number

audit = Blueprint("audit", __name__, url_prefix="/audit")

_FILTERS: Final = ("actor", "image", "what", "after")
_PLACE: Final = "^[0-9]{1,15}-[0-9]{1,18}$"
_ACTOR: Final = "^((ticket:)?[0-9a-f]{16}|nobody|operator)$"

# A proxy may have made a space of the "+" of an offset; no time has one.
_TIME: Final = re.compile(r"[0-9T:.Z+ -]{10,40}", re.ASCII)


@audit.get("")
@operation(
    "Who did what, when, and from where, newest first",
    Answer(200, "A page of events", JSON, EventPage, ("Link", "Cache-Control")),
    scope=Scope.ADMIN,
    problems=(MalformedRequest, CatalogueUnavailable),
    parameters=(
        limit("Events"),
        Parameter("before", "Only events before this place, as `next` names it", {"type": "string", "pattern": _PLACE}),
        Parameter("actor", "Only what this one did", {"type": "string", "pattern": _ACTOR}),
        Parameter("image", "Only what was done to the image with this number", {"type": "integer", "minimum": 0}),
        Parameter("what", "Only this", {"type": "string", "enum": list(What)}),
        Parameter("after", "Only what happened later (RFC 3339)", {"type": "string", "format": "date-time"}),
    ),
    curl="{server}/audit?limit=10",
)
def events() -> Response:
    """
    Images that were received, changed, tried again, decided about and deleted; keys, tickets and links that were made,
    changed and ended; sessions; and who was refused which right. The setting `audit_days` says for how long they are
    kept. No token and no name is here.
    """
    size = page_size(request.args)
    number = whole_number(request.args, "image", 0, MOST_ID)
    found = web_context().auditing.newest(
        current_actor(),
        size + 1,
        _before(),
        by=_said("actor", _ACTOR),
        image_id=None if number is None else ImageId(number),
        what=_what(),
        after=_after(),
    )
    page = found[:size]
    following = _url_of_what_follows(page[-1][0], size) if len(found) > size else None
    response = unstored(as_json(EventPage(events=[event_resource(event) for _, event in page], next=following)))
    return with_next(response, following)


def _url_of_what_follows(last: Place, size: int) -> str:
    filters = {name: request.args[name] for name in _FILTERS if name in request.args}
    return absolute_url("audit.events", limit=size, before=f"{last.at_ms}-{last.number}", **filters)


def _said(name: str, form: str) -> str | None:
    """Return the parameter *name*, None if there is none; raise `MalformedRequest` if it is not of this *form*."""
    text = request.args.get(name)
    if text is not None and not re.fullmatch(form, text, re.ASCII):
        raise MalformedRequest(f"{name} is {text[:30]!r}, and has to match {form}")
    return text


def _before() -> Place | None:
    place = _said("before", _PLACE)
    return None if place is None else Place(*map(int, place.split("-")))


def _what() -> What | None:
    text = request.args.get("what")
    if text is None:
        return None
    if text not in tuple(What):
        raise MalformedRequest(f"what is {text[:30]!r}, and has to be one of {', '.join(What)}")
    return What(text)


def _after() -> datetime | None:
    text = request.args.get("after")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+")) if _TIME.fullmatch(text) else None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise MalformedRequest(f"after is {text[:40]!r}, and has to be a time with its zone, as 2027-01-31T12:00:00Z")
