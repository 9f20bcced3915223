"""`POST /images`: a picture, or several, in any form of body."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, make_response, redirect, render_template, request

from vignette.errors import (
    BrokenImage,
    CatalogueUnavailable,
    CrossSiteRequest,
    DigestMismatch,
    EmptyFile,
    FileNotStored,
    IdempotencyKeyReused,
    MalformedRequest,
    NoFile,
    Overloaded,
    StoreFull,
    StoreUnavailable,
    TooManyFiles,
    TooManyFrames,
    TooManyPixels,
    UnsupportedFormat,
    UploadTooLarge,
    UploadTooSlow,
    VignetteError,
)
from vignette.web.api.operations import Answer, Parameter, operation
from vignette.web.api.resources import (
    ImageResource,
    UploadResult,
    UploadResults,
    absolute_url,
    image_resource,
)
from vignette.web.context import web_context
from vignette.web.http.answers import as_json
from vignette.web.http.bodies import FIELD
from vignette.web.http.negotiation import HTML, JSON, TEXT, preferred
from vignette.web.http.problems import problem_of, status_of
from vignette.web.uploading import Receipt, receive_all

uploads = Blueprint("uploads", __name__, url_prefix="/images")

_REFUSALS: Final = (
    NoFile,
    MalformedRequest,
    DigestMismatch,
    CrossSiteRequest,
    UploadTooLarge,
    TooManyFiles,
    UnsupportedFormat,
    EmptyFile,
    FileNotStored,
    BrokenImage,
    TooManyPixels,
    TooManyFrames,
    IdempotencyKeyReused,
    UploadTooSlow,
    Overloaded,
    CatalogueUnavailable,
    StoreUnavailable,
    StoreFull,
)


@uploads.post("")
@operation(
    "Upload one or more images",
    Answer(201, "Kept. The number of each, a line each", TEXT, headers=("Location",)),
    Answer(201, "", JSON, ImageResource),
    Answer(207, "Several files, of which some were refused", JSON, UploadResults),
    Answer(207, "", TEXT),
    Answer(303, "The page of the image, for the form of a browser"),
    problems=_REFUSALS,
    parameters=(
        Parameter(
            "Idempotency-Key",
            "The same key with the same bytes is the same image: for a client that got no answer and tries again",
            {"type": "string", "maxLength": 255},
            "header",
        ),
        Parameter(
            "Content-Digest",
            "The digest of the body (RFC 9530, sha-256 or sha-512): if other bytes arrive, nothing is kept. Repr-Digest"
            " is checked the same way, and so are both in the header of a part",
            {"type": "string", "examples": ["sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"]},
            "header",
        ),
    ),
    bodies={
        "multipart/form-data": {
            "type": "object",
            "properties": {FIELD: {"type": "array", "items": {"type": "string", "contentMediaType": "image/*"}}},
            "required": [FIELD],
        },
        "image/*": {"type": "string", "contentMediaType": "image/*"},
    },
    curl="-F file=@photo.jpg {server}/images",
)
def upload() -> Response:
    context = web_context()
    announced = request.content_length
    # What is over the limit is refused for that, not for want of room.
    wanted = announced if announced is not None and announced <= context.request_limits.max_bytes else None
    with context.capacity.upload():
        context.intake.expect(wanted)
        receipts = receive_all(request, context.intake, context.request_limits, context.capacity.slow_clients)
    face = preferred(request.accept_mimetypes, [TEXT, JSON, HTML])
    response = _answer_one(receipts[0], face) if len(receipts) == 1 else _answer_several(receipts, face)
    response.vary.add("Accept")
    return response


def _answer_one(receipt: Receipt, face: str) -> Response:
    if isinstance(receipt.outcome, VignetteError):
        raise receipt.outcome
    image = receipt.outcome
    location = absolute_url("images.show", image_id=image.id)
    if face == HTML:
        return make_response(redirect(location, 303))
    response = as_json(image_resource(image), 201) if face == JSON else Response(f"{image.id}\n", 201, mimetype=TEXT)
    response.headers["Location"] = location
    return response


def _answer_several(receipts: list[Receipt], face: str) -> Response:
    results = [_result(receipt) for receipt in receipts]
    kept = [result for result in results if result.image]
    # 207 (RFC 4918): some of it succeeded, and the body tells which.
    status = 201 if len(kept) == len(results) else 207 if kept else results[0].status
    if face == JSON:
        return as_json(UploadResults(results=results), status)
    if face == HTML:
        if status == 201:
            return make_response(redirect(absolute_url("about.home"), 303))
        return make_response(
            render_template("uploaded.html", results=[result.model_dump() for result in results]), status
        )
    return Response("".join(map(_line, receipts)), status, mimetype=TEXT)


def _result(receipt: Receipt) -> UploadResult:
    if isinstance(receipt.outcome, VignetteError):
        problem = problem_of(receipt.outcome)
        return UploadResult(name=receipt.name, status=problem.status, problem=problem)
    return UploadResult(name=receipt.name, status=201, image=image_resource(receipt.outcome))


def _line(receipt: Receipt) -> str:
    """One line of the plain answer: a number, or why there is none. The name comes last, it may hold spaces."""
    if isinstance(receipt.outcome, VignetteError):
        return f"refused {status_of(type(receipt.outcome))} {receipt.outcome.code} {receipt.name or ''}\n"
    return f"{receipt.outcome.id}\n"
