"""`/t/<token>`: the page of a ticket, where guests send pictures without a key; and its QR code."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from flask import Blueprint, Response, make_response, render_template, request

from vignette.access.tickets import Ticket, TicketState
from vignette.errors import (
    CatalogueUnavailable,
    InvalidTicket,
    QuotaExceeded,
    StorageQuotaExceeded,
    TicketNotFound,
    TicketSpent,
    VignetteError,
)
from vignette.pixels.formats import ACCEPTED_FORMATS
from vignette.web.api.headers import Parameter
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources.guests import SentImage, SentResult, SentResults
from vignette.web.api.resources.limits import current_limits
from vignette.web.api.urls import absolute_url
from vignette.web.context import current_actor, web_context
from vignette.web.guests import take_ticket
from vignette.web.http.answers import see_other, unstored
from vignette.web.http.bodies import MAX_KEY_CHARS
from vignette.web.http.negotiation import HTML, JSON, TEXT, accepted_types, preferred
from vignette.web.http.problems import problem_of, status_of, telling
from vignette.web.pages.qr import qr_svg
from vignette.web.rates import admit_actor
from vignette.web.routes.guests import guest_answer, sent_image, sent_result
from vignette.web.routes.receipts import status_of_all
from vignette.web.routes.uploads import (
    LINES,
    REFUSALS_OF_A_FILE,
    REFUSALS_OF_THE_REQUEST,
    UPLOAD_BODIES,
    UPLOAD_HEADERS,
    all_refused,
    receive_files,
)
from vignette.web.uploading import Receipt

drop_boxes = Blueprint("drop_boxes", __name__, url_prefix="/t")

SVG: Final = "image/svg+xml"

# Of a SHA-256. Fifty of them fit into an address.
_BEGINNING_CHARS: Final = 32
_BEGINNING: Final = re.compile(f"[0-9a-f]{{{_BEGINNING_CHARS}}}", re.ASCII)

# What the key behind a ticket may have is not for guests.
_REFUSALS_OF_A_FILE: Final = tuple(
    kind for kind in REFUSALS_OF_A_FILE if kind not in (StorageQuotaExceeded, QuotaExceeded)
)

_NOWHERE: Final = "no ticket has this address, or it has ended"


@drop_boxes.get("/<token>")
@operation(
    "The page of a ticket, for guests",
    Answer(200, "A form, and what became of the images that were sent with it", HTML),
    scope=None,
    problems=(TicketNotFound, CatalogueUnavailable),
    parameters=(
        Parameter(
            "sent",
            "The first 32 hexadecimal digits of the SHA-256 of files that were sent, with points between."
            " The page tells what became of those",
            {"type": "string"},
        ),
    ),
)
def page(token: str) -> Response:
    ticket = _ticket_at(token)
    beginnings = filter(_BEGINNING.fullmatch, request.args.get("sent", "").split("."))
    found = web_context().ticketing.sent(ticket, islice(beginnings, web_context().request_limits.max_files))
    results = [SentResult(name=image.record.name, status=201, image=sent_image(image)) for image in found]
    return _page(token, ticket, results)


@drop_boxes.post("/<token>")
@operation(
    "Upload one or more images by a ticket",
    Answer(201, "All files are kept: a line each, as `POST /images` gives it to guests", TEXT, schema=LINES),
    Answer(201, "", JSON, (SentImage, SentResults), headers=("Location", "Vary", "Cache-Control", "Delete-Token")),
    Answer(
        202, "All files are kept, and wait for a decision of `admin`: a line, or a result, each", TEXT, schema=LINES
    ),
    Answer(202, "", JSON, (SentImage, SentResults), headers=("Vary", "Cache-Control", "Delete-Token")),
    Answer(207, "Some of several files are kept", TEXT, schema=LINES, headers=("Vary",)),
    Answer(207, "", JSON, SentResults),
    Answer(207, "", HTML),
    Answer(303, "All are kept. For the form of a browser: the page that tells so", HTML, headers=("Location",)),
    *all_refused(SentResults, (*_REFUSALS_OF_A_FILE, InvalidTicket)),
    scope=None,
    problems=(TicketNotFound, *REFUSALS_OF_THE_REQUEST, *_REFUSALS_OF_A_FILE),
    parameters=(
        Parameter(
            "key",
            "As `Idempotency-Key`, for a form: sent again, it stores nothing twice",
            {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS},
        ),
        *UPLOAD_HEADERS,
    ),
    bodies=UPLOAD_BODIES,
    curl="-F file=@photo.jpg {server}/t/vt_…",
)
def drop(token: str) -> Response:
    """As `POST /images` with the ticket as Bearer token: the token is in the path instead."""
    ticket = _ticket_at(token)
    face = preferred(accepted_types(request.headers), [TEXT, JSON, HTML])
    if face != HTML:
        response = guest_answer(receive_files(request.args.get("key")), face)
        response.vary.add("Accept")
        return unstored(response)
    try:
        receipts = receive_files(request.args.get("key"))
    except VignetteError as error:
        if status_of(type(error)) >= 500:
            raise
        return telling(_page(token, ticket, [], error), error)
    return _answer_browser(token, ticket, receipts)


@drop_boxes.get("/<token>/qr.svg")
@operation(
    "The address of a ticket's page as a QR code",
    Answer(200, "Black on white, without a size of its own", SVG, headers=("Cache-Control",)),
    scope=None,
    problems=(TicketNotFound, CatalogueUnavailable),
)
def qr(token: str) -> Response:
    _ticket_at(token)
    return unstored(Response(qr_svg(absolute_url("drop_boxes.page", token=token)), mimetype=SVG))


def _ticket_at(token: str) -> Ticket:
    try:
        ticket = take_ticket(token)
    except InvalidTicket:
        raise TicketNotFound(_NOWHERE) from None
    admit_actor(current_actor())
    return ticket


def _answer_browser(token: str, ticket: Ticket, receipts: Sequence[Receipt]) -> Response:
    kept = [receipt.outcome for receipt in receipts if not isinstance(receipt.outcome, VignetteError)]
    if len(kept) == len(receipts):
        sent = ".".join(dict.fromkeys(image.record.sha256[:_BEGINNING_CHARS] for image in kept))
        return see_other(absolute_url("drop_boxes.page", token=token, sent=sent))
    # What was spent of it has changed.
    ticket = web_context().ticketing.authenticate(token)
    results = [sent_result(receipt) for receipt in receipts]
    return _page(token, ticket, results, status=status_of_all(results))


def _page(
    token: str, ticket: Ticket, results: Sequence[SentResult], error: VignetteError | None = None, status: int = 200
) -> Response:
    problem = None if error is None else problem_of(error)
    rendered = render_template(
        "ticket.html",
        token=token,
        note=ticket.note,
        ends_at=ticket.expires_at,
        is_open=ticket.state_at(datetime.now(UTC)) is TicketState.OPEN and not isinstance(error, TicketSpent),
        results=[result.model_dump() for result in results],
        problem=None if problem is None else problem.model_dump(exclude_none=True),
        key=secrets.token_hex(8),
        limits=_limits(ticket),
    )
    return unstored(make_response(rendered, status))


def _limits(ticket: Ticket) -> dict[str, Any]:
    """The limits of one request by *ticket*. How many more images may come is told only if they are few."""
    limits = current_limits().model_dump()
    left = ticket.uses - ticket.spent
    limits["max_files_per_request"] = min(limits["max_files_per_request"], left)
    limits["max_upload_bytes"] = min(limits["max_upload_bytes"], ticket.max_bytes or limits["max_upload_bytes"])
    if ticket.media_types:
        taken = {accepted.name for accepted in ACCEPTED_FORMATS if accepted.media_type in ticket.media_types}
        limits["formats"] = [each for each in limits["formats"] if each["name"] in taken]
    return limits
