"""`POST /images`: a picture, or several, in any form of body."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Final

from flask import Blueprint, Response, make_response, redirect, request

from vignette.access.actors import Scope
from vignette.errors import (
    BrokenImage,
    CatalogueUnavailable,
    CrossSiteRequest,
    DigestMismatch,
    EmptyFile,
    IdempotencyKeyReused,
    ImageDeleted,
    MalformedRequest,
    NoFile,
    Overloaded,
    StoreFull,
    StoreUnavailable,
    TooManyFiles,
    TooManyFrames,
    TooManyPixels,
    TooMuchMemory,
    UnsupportedFormat,
    UploadTooLarge,
    UploadTooSlow,
    VignetteError,
)
from vignette.model import Visibility
from vignette.web.api.headers import CONTENT_DIGEST, REPR_DIGEST, Parameter, as_header, header
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources import (
    ImageResource,
    UploadResult,
    UploadResults,
    absolute_url,
    image_resource,
    ref_of,
)
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json
from vignette.web.http.bodies import FIELD, MAX_KEY_CHARS
from vignette.web.http.negotiation import HTML, JSON, TEXT, accepted_types, preferred
from vignette.web.http.problems import SUBJECT, problem_of, status_of
from vignette.web.http.queries import MOST_IDS, said_visibility
from vignette.web.http.sent_cookie import Refusal, sent, set_sent, shortened
from vignette.web.uploading import Receipt, Sender, receive_all

logger = logging.getLogger(__name__)

uploads = Blueprint("uploads", __name__, url_prefix="/images")

_REFUSALS_OF_THE_REQUEST: Final = (NoFile, MalformedRequest, CrossSiteRequest, UploadTooSlow, TooManyFiles, Overloaded)

# Each of several files may be refused for its own reason.
_REFUSALS_OF_A_FILE: Final = (
    DigestMismatch,
    ImageDeleted,
    UploadTooLarge,
    UnsupportedFormat,
    EmptyFile,
    BrokenImage,
    TooManyPixels,
    TooManyFrames,
    TooMuchMemory,
    IdempotencyKeyReused,
    CatalogueUnavailable,
    StoreUnavailable,
    StoreFull,
)

_BYTES: Final = {"type": "string", "contentMediaType": "application/octet-stream"}

_LINES: Final = {
    "type": "string",
    "pattern": "^([0-9]+\n|refused [0-9]{3} [a-z-]+ .*\n)+$",
    "examples": ["0\nrefused 415 unsupported-format notes.txt\n"],
}


def _all_refused(kinds: Iterable[type[VignetteError]]) -> Iterator[Answer]:
    """Yield the answers to several files that were all refused, the first one for one of *kinds*."""
    for status in sorted({status_of(kind) for kind in kinds}):
        yield Answer(status, "", TEXT, schema=_LINES)
        yield Answer(status, "", JSON, UploadResults)


@uploads.post("")
@operation(
    "Upload one or more images",
    Answer(
        201,
        "All files are kept. As text, the number of each, a line each; as JSON, the image, or of several files a result"
        " each. `Location` is that of a single image",
        TEXT,
        schema={"type": "string", "pattern": "^([0-9]+\n)+$", "examples": ["0\n"]},
        headers=("Location", "Vary"),
    ),
    Answer(201, "", JSON, (ImageResource, UploadResults)),
    Answer(207, "Some of several files are kept: a line, or a result, each", TEXT, schema=_LINES, headers=("Vary",)),
    Answer(207, "", JSON, UploadResults),
    Answer(
        303,
        "For the form of a browser: the page of the image; of several files, a page that shows those that are kept and"
        " tells of the others. To reload it sends nothing again",
        HTML,
        headers=("Location", "Set-Cookie"),
    ),
    *_all_refused(_REFUSALS_OF_A_FILE),
    scope=Scope.UPLOAD,
    problems=(*_REFUSALS_OF_THE_REQUEST, *_REFUSALS_OF_A_FILE),
    parameters=(
        Parameter(
            "visibility",
            "Who is to see the images. Without it, the settings of the service say so",
            {"type": "string", "enum": list(Visibility)},
        ),
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
    ),
    bodies={
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
    },
    curl="-F file=@photo.jpg {server}/images",
)
def upload() -> Response:
    """
    The content decides what a file is, not its name or media type; a body without a form needs no media type. Of a
    form, each file of the field `file` is answered for itself, and other fields are skipped. If all of several files
    are refused, the status is that of the first.
    """
    context = web_context()
    announced = request.content_length
    # A request over the limit is refused for its size, not for want of room.
    wanted = announced if announced is not None and announced <= context.request_limits.max_bytes else None
    with context.capacity.upload():
        context.intake.expect(current_actor(), wanted)
        sender = Sender(current_actor(), said_visibility(request.args))
        receipts = receive_all(sender, request, context.intake, context.request_limits, context.capacity.slow_clients)
    for receipt in receipts:
        context.upload_ended(receipt.outcome)
        if isinstance(receipt.outcome, VignetteError):
            _log_refusal(receipt.outcome)
    face = preferred(accepted_types(request.headers), [TEXT, JSON, HTML])
    response = _answer_one(receipts[0], face) if len(receipts) == 1 else _answer_several(receipts, face)
    response.vary.add("Accept")
    return response


def _log_refusal(error: VignetteError) -> None:
    about = {"problem": error.code, "measured": error.measured, "limit": error.limit}
    logger.info("upload refused", extra={name: value for name, value in about.items() if value is not None})


def _answer_one(receipt: Receipt, face: str) -> Response:
    if isinstance(receipt.outcome, VignetteError):
        request.environ[SUBJECT] = receipt.name
        raise receipt.outcome
    image = receipt.outcome
    location = absolute_url("images.show", image_id=ref_of(image))
    if face == HTML:
        return make_response(redirect(location, 303))
    response = as_json(image_resource(image), 201) if face == JSON else Response(f"{image.id}\n", 201, mimetype=TEXT)
    response.headers["Location"] = location
    return response


def _answer_several(receipts: list[Receipt], face: str) -> Response:
    if face == HTML:
        return _lead_to_all(receipts)
    results = [_result(receipt) for receipt in receipts]
    kept = [result for result in results if result.image]
    # 207 (RFC 4918): some of the files are kept, and the body tells which.
    status = 201 if len(kept) == len(results) else 207 if kept else results[0].status
    if face == JSON:
        return as_json(UploadResults(results=results), status)
    return Response("".join(map(_line, receipts)), status, mimetype=TEXT)


def _lead_to_all(receipts: list[Receipt]) -> Response:
    """Return the redirect to a page of its own, which may be reloaded."""
    kept = [receipt.outcome for receipt in receipts if not isinstance(receipt.outcome, VignetteError)]
    told = sent([_refusal(each.name, each.outcome) for each in receipts if isinstance(each.outcome, VignetteError)])
    # The URL holds the numbers of at most MOST_IDS images; a setting may allow more files than that.
    ids = ",".join(str(ref_of(image)) for image in kept[:MOST_IDS])
    response = make_response(redirect(absolute_url("images.catalogue", ids=ids, sent=told.token), 303))
    set_sent(response, request, told)
    return response


def _refusal(name: str | None, error: VignetteError) -> Refusal:
    return Refusal(name=shortened(name), code=error.code, measured=error.measured, limit=error.limit)


def _result(receipt: Receipt) -> UploadResult:
    if isinstance(receipt.outcome, VignetteError):
        problem = problem_of(receipt.outcome)
        return UploadResult(name=receipt.name, status=problem.status, problem=problem)
    return UploadResult(name=receipt.name, status=201, image=image_resource(receipt.outcome))


def _line(receipt: Receipt) -> str:
    """Return a line of the plain answer: a number, or why there is none. The name may hold spaces, so it comes last."""
    if isinstance(receipt.outcome, VignetteError):
        return f"refused {status_of(type(receipt.outcome))} {receipt.outcome.code} {receipt.name or ''}\n"
    return f"{receipt.outcome.id}\n"
