"""`POST /images`: a picture, or several, in any form of body."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from pydantic import BaseModel

from vignette.access.actors import Actor, Scope
from vignette.access.names import PATTERN
from vignette.access.tickets import Ticket
from vignette.errors import (
    BrokenImage,
    CatalogueUnavailable,
    CheckRefused,
    CheckUnavailable,
    CrossSiteRequest,
    DigestMismatch,
    EmptyFile,
    IdempotencyKeyReused,
    ImageDeleted,
    InvalidKey,
    MalformedRequest,
    NoFile,
    NotCheckable,
    Overloaded,
    QuotaExceeded,
    StorageQuotaExceeded,
    StoreFull,
    StoreUnavailable,
    TicketSpent,
    TooLongToCheck,
    TooManyFiles,
    TooManyFrames,
    TooManyPixels,
    TooMuchMemory,
    UnsupportedFormat,
    UploadTooLarge,
    UploadTooSlow,
    VignetteError,
)
from vignette.model import Image, Visibility
from vignette.use_cases.weighing import receiving_s
from vignette.web.api.headers import CONTENT_DIGEST, REPR_DIGEST, Parameter, as_header, header
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources.guests import SentImage, SentResults
from vignette.web.api.resources.uploads import UploadedImage, UploadResult, UploadResults, uploaded_image
from vignette.web.api.urls import absolute_url, ref_of
from vignette.web.context import current_actor, current_ticket, web_context
from vignette.web.guests import is_guest
from vignette.web.http.answers import as_json, see_other, unstored
from vignette.web.http.bodies import FIELD, MAX_KEY_CHARS, idempotency_key
from vignette.web.http.clients import holder_of_this_request
from vignette.web.http.delete_tokens import HEADER as DELETE_TOKEN
from vignette.web.http.delete_tokens import remember
from vignette.web.http.negotiation import HTML, JSON, TEXT, accepted_types, preferred
from vignette.web.http.problems import SUBJECT, problem_of, status_of
from vignette.web.http.queries import MOST_IDS, require_known, said_visibility
from vignette.web.http.sent_cookie import Refusal, sent, set_sent, shortened
from vignette.web.rates import take
from vignette.web.routes.guests import guest_answer
from vignette.web.routes.receipts import refused_line, status_of_all, status_of_kept
from vignette.web.uploading import Receipt, Sender, key_of, receive_all

logger = logging.getLogger(__name__)

uploads = Blueprint("uploads", __name__, url_prefix="/images")

REFUSALS_OF_THE_REQUEST: Final = (NoFile, MalformedRequest, CrossSiteRequest, UploadTooSlow, TooManyFiles, Overloaded)

# Each of several files may be refused for its own reason.
REFUSALS_OF_A_FILE: Final = (
    DigestMismatch,
    ImageDeleted,
    UploadTooLarge,
    UnsupportedFormat,
    EmptyFile,
    BrokenImage,
    TooManyPixels,
    TooManyFrames,
    TooMuchMemory,
    TooLongToCheck,
    NotCheckable,
    CheckRefused,
    CheckUnavailable,
    IdempotencyKeyReused,
    TicketSpent,
    StorageQuotaExceeded,
    QuotaExceeded,
    CatalogueUnavailable,
    StoreUnavailable,
    StoreFull,
)

# Who asks may lose his right while his files are on their way.
_REFUSALS_OF_ALL: Final = (*REFUSALS_OF_A_FILE, InvalidKey)

_BYTES: Final = {"type": "string", "contentMediaType": "application/octet-stream"}

# What is told of a file: its number; to a guest, its public name, or only that it was kept.
_KEPT: Final = f"[0-9]+|{PATTERN}|kept"

LINES: Final = {
    "type": "string",
    "pattern": f"^(({_KEPT})\n|refused [0-9]{{3}} [a-z-]+ .*\n|quarantined [0-9]+ .*\n)+$",
    "examples": ["0\nrefused 415 unsupported-format notes.txt\n"],
}

UPLOAD_HEADERS: Final = (
    header(
        "Idempotency-Key",
        "The same key with the same bytes is the same image: for a client that got no answer and tries again",
        {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS},
    ),
    CONTENT_DIGEST,
    REPR_DIGEST,
    header(
        "Content-Disposition",
        "The name of a file that is sent as it is, without a form",
        {"type": "string", "examples": ['attachment; filename="photo.jpg"']},
    ),
)
UPLOAD_BODIES: Final = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {FIELD: {"type": "array", "items": _BYTES, "minItems": 1}},
            "required": [FIELD],
        },
        # A part may have headers of its own; the digests in them are checked.
        "encoding": {
            FIELD: {"contentType": "*/*", "headers": {p.name: as_header(p) for p in (CONTENT_DIGEST, REPR_DIGEST)}}
        },
    },
    "image/*": {"schema": _BYTES},
    "application/octet-stream": {"schema": _BYTES},
    # Of any other type, or of none: if the bytes are those of an image.
    "*/*": {"schema": _BYTES},
}


def all_refused(model: type[BaseModel], kinds: Sequence[type[VignetteError]] = _REFUSALS_OF_ALL) -> Iterator[Answer]:
    """Yield the answers to several files that were all refused, the first one for one of *kinds*; as JSON, *model*."""
    for status in sorted({status_of(kind) for kind in kinds}):
        yield Answer(status, "", TEXT, schema=LINES)
        yield Answer(status, "", JSON, model)


@uploads.post("")
@operation(
    "Upload one or more images",
    Answer(
        201,
        "All files are kept. As text, the number of each, a line each; as JSON, the image, or of several files a result"
        " each. `Location` is that of a single image",
        TEXT,
        schema={"type": "string", "pattern": f"^(({_KEPT})\n)+$", "examples": ["0\n"]},
        headers=("Location", "Vary", "Delete-Token", "Cache-Control"),
    ),
    Answer(201, "", JSON, (UploadedImage, UploadResults, SentImage, SentResults)),
    Answer(
        202,
        "All files are kept, and wait for a decision of `admin`. Until then there is nothing to see of them: a line, an"
        " image or a result each",
        TEXT,
        schema={"type": "string", "pattern": "^(quarantined [0-9]+ .*\n)+$", "examples": ["quarantined 0 photo.jpg\n"]},
        headers=("Vary",),
    ),
    Answer(202, "", JSON, (UploadedImage, UploadResults)),
    Answer(
        207,
        "Some of several files are kept, or wait for a decision: a line, or a result, each",
        TEXT,
        schema=LINES,
        headers=("Vary",),
    ),
    Answer(207, "", JSON, UploadResults),
    Answer(
        303,
        "For the form of a browser: the page of the image; of several files, a page that shows those that are kept and"
        " tells of the others. To reload it sends nothing again",
        HTML,
        headers=("Location", "Set-Cookie", "Delete-Token"),
    ),
    *all_refused(UploadResults),
    scope=Scope.UPLOAD,
    problems=(*REFUSALS_OF_THE_REQUEST, *REFUSALS_OF_A_FILE),
    parameters=(
        Parameter(
            "visibility",
            "Who is to see the images. Without it, the settings of the service say so",
            {"type": "string", "enum": list(Visibility)},
        ),
        *UPLOAD_HEADERS,
    ),
    bodies=UPLOAD_BODIES,
    curl="-F file=@photo.jpg {server}/images",
)
def upload() -> Response:
    """
    The content decides what a file is, not its name or media type; a body without a form needs no media type. Of a
    form, each file of the field `file` is answered for itself, and other fields are skipped. If all of several files
    are refused, the status is that of the first. Who is to see them is said by the parameter: a field of that name, or
    another parameter, is refused.
    """
    require_known(request.args, "visibility")
    receipts = receive_files()
    if is_guest():
        face = preferred(accepted_types(request.headers), [TEXT, JSON])
        response = guest_answer(receipts, face)
    else:
        face = preferred(accepted_types(request.headers), [TEXT, JSON, HTML])
        response = _answer_one(receipts[0], face) if len(receipts) == 1 else _answer_several(receipts, face)
    response.vary.add("Accept")
    return response


def receive_files(form_key: str | None = None) -> list[Receipt]:
    """
    Receive the files of the request at hand; return a receipt for each. *form_key* stands for an `Idempotency-Key`
    where there is none.
    """
    context, ticket = web_context(), current_ticket()
    key = idempotency_key(request, form_key)
    announced = request.content_length
    # A request over the limit is refused for its size, not for want of room.
    wanted = announced if announced is not None and announced <= context.request_limits.max_bytes else None
    keys = [] if key is None else [str(key_of(key, number)) for number in range(context.request_limits.max_files)]
    actor = current_actor()
    take(receiving_s(wanted or 0))
    name = _name_of(actor)
    with (
        context.capacity.upload(name),
        context.allowances.reserve(actor, wanted, ticket, may_be_repeated=key is not None) as reservation,
    ):
        context.intake.expect(actor, wanted, ticket, keys)
        turns_of = name or holder_of_this_request()
        sender = Sender(actor, _visibility(ticket), ticket, key, turns_of, reservation.kept)
        receipts = receive_all(sender, request, context.intake, context.request_limits, context.capacity.slow_clients)
    for receipt in receipts:
        context.upload_ended(receipt.outcome)
        if isinstance(receipt.outcome, VignetteError):
            _log_refusal(receipt.outcome)
    return receipts


def _name_of(actor: Actor) -> str | None:
    """
    Return by what name *actor* has places for uploads and turns in the queue; None: only by its address. The guests of
    one ticket are many, and one of them must not take what all of them have: so each address among them has its own.
    """
    if actor.ticket_id is None:
        return actor.identity
    return f"{actor.identity} {holder_of_this_request()}"


def _visibility(ticket: Ticket | None) -> Visibility | None:
    """Who is to see what is sent, as the request says; by a ticket, as that says."""
    said = said_visibility(request.args)
    if ticket is None:
        return said
    given = ticket.visibility or web_context().policy.of_new
    if said not in (None, given):
        raise MalformedRequest("whoever made the ticket has said who sees its images: leave visibility out")
    return given


def _log_refusal(error: VignetteError) -> None:
    about = {"problem": error.code, "measured": error.measured, "limit": error.limit}
    logger.info("upload refused", extra={name: value for name, value in about.items() if value is not None})


def _answer_one(receipt: Receipt, face: str) -> Response:
    if isinstance(receipt.outcome, VignetteError):
        request.environ[SUBJECT] = receipt.name
        raise receipt.outcome
    image = receipt.outcome
    if image.quarantine is not None:
        return _answer_waiting(receipt, image, face)
    location = absolute_url("images.show", image_id=ref_of(image))
    uploaded = uploaded_image(image)
    if face == HTML:
        response = see_other(location)
    elif face == JSON:
        response = as_json(uploaded, 201)
    else:
        response = Response(f"{image.id}\n", 201, mimetype=TEXT)
    response.headers["Location"] = location
    return response if uploaded.delete_token is None else _with_token(response, location, uploaded.delete_token)


def _with_token(response: Response, location: str, token: str) -> Response:
    """Return *response* with the *token* by which the image at *location* may be taken back."""
    response.headers[DELETE_TOKEN] = token
    if response.status_code == 303:
        remember(response, request, token, urlsplit(location).path)
    return unstored(response)


def _answer_waiting(receipt: Receipt, image: Image, face: str) -> Response:
    if face == JSON:
        return as_json(uploaded_image(image), 202)
    if face == HTML:
        return _lead_to_all([receipt])
    return Response(_line(receipt), 202, mimetype=TEXT)


def _answer_several(receipts: list[Receipt], face: str) -> Response:
    if face == HTML:
        return _lead_to_all(receipts)
    results = [_result(receipt) for receipt in receipts]
    status = status_of_all(results)
    if face == JSON:
        return as_json(UploadResults(results=results), status)
    return Response("".join(map(_line, receipts)), status, mimetype=TEXT)


def _lead_to_all(receipts: list[Receipt]) -> Response:
    """Return the redirect to a page of its own, which may be reloaded."""
    images = [receipt.outcome for receipt in receipts if not isinstance(receipt.outcome, VignetteError)]
    refusals = [_refusal(each.name, each.outcome) for each in receipts if isinstance(each.outcome, VignetteError)]
    kept = [image for image in images if image.quarantine is None]
    told = sent(refusals, waiting=len(images) - len(kept))
    # The URL holds the numbers of at most MOST_IDS images; a setting may allow more files than that.
    ids = ",".join(str(ref_of(image)) for image in kept[:MOST_IDS])
    response = see_other(absolute_url("images.catalogue", ids=ids, sent=told.token))
    set_sent(response, request, told)
    return response


def _refusal(name: str | None, error: VignetteError) -> Refusal:
    reason = error.reason if isinstance(error, CheckRefused) else None
    return Refusal(name=shortened(name), code=error.code, measured=error.measured, limit=error.limit, reason=reason)


def _result(receipt: Receipt) -> UploadResult:
    if isinstance(receipt.outcome, VignetteError):
        problem = problem_of(receipt.outcome)
        return UploadResult(name=receipt.name, status=problem.status, problem=problem)
    image = receipt.outcome
    return UploadResult(name=receipt.name, status=status_of_kept(image), image=uploaded_image(image))


def _line(receipt: Receipt) -> str:
    """Return a line of the plain answer: a number, or what stands for it."""
    if isinstance(receipt.outcome, VignetteError):
        return refused_line(receipt.name, receipt.outcome)
    if receipt.outcome.quarantine is not None:
        return f"quarantined {receipt.outcome.id} {receipt.name or ''}\n"
    return f"{receipt.outcome.id}\n"
