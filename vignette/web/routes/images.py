"""`/images`: upload, catalogue, and everything that belongs to one image but its vignettes."""

from __future__ import annotations

import json
import mimetypes
import re
from typing import IO, Any, Final, cast

from flask import Blueprint, Request, Response, make_response, redirect, render_template, request
from pydantic import BaseModel
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import FileWrapper, wrap_file

from vignette import layout
from vignette.errors import (
    BrokenImage,
    CatalogueUnavailable,
    CrossSiteRequest,
    DigestMismatch,
    EmptyFile,
    FileNotStored,
    IdempotencyKeyReused,
    ImageDeleted,
    ImageNotFailed,
    ImageNotFound,
    MalformedRequest,
    NoFile,
    NotPublishable,
    Overloaded,
    PublicCopyNotClean,
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
from vignette.limits import CHUNK_BYTES
from vignette.model import Image, ImageId
from vignette.pixels.metadata import as_groups, as_privacy
from vignette.pixels.publishing import publish
from vignette.ports.catalogue import Library
from vignette.ports.jobs import Lane
from vignette.web.api.operations import Answer, Parameter, operation
from vignette.web.api.resources import (
    CataloguePage,
    ImageResource,
    ImageWithMetadata,
    UploadResult,
    UploadResults,
    absolute_url,
    image_resource,
    image_with_metadata,
)
from vignette.web.context import web_context
from vignette.web.http.bodies import FIELD, Receipt, receive_all
from vignette.web.http.digests import sha256_digest
from vignette.web.http.negotiation import HTML, JSON, TEXT, preferred
from vignette.web.http.problems import problem_of, status_of

images = Blueprint("images", __name__, url_prefix="/images")

PAGE_SIZE: Final = 50
_MAX_PAGE_SIZE: Final = 500

_MAX_DOWNLOAD_NAME_CHARS: Final = 150

# Ends the ETag of public copies: to be counted up when `vignette.pixels.publishing` leaves out more, or less.
_PUBLIC_COPY_EDITION: Final = "public-1"

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


def existing(library: Library, image_id: int) -> Image:
    """The image of this number; `ImageNotFound` or `ImageDeleted` otherwise."""
    image = library.get(ImageId(image_id))
    if image.state.is_gone:
        raise ImageDeleted(f"image {image_id} was deleted")
    return image


def as_json(resource: BaseModel, status: int = 200) -> Response:
    return Response(resource.model_dump_json() + "\n", status, mimetype=JSON)


@images.post("")
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
    with context.admission.place(wanted):
        receipts = receive_all(request, context.intake, context.request_limits, context.slow_clients)
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
            return make_response(redirect(absolute_url("service.home"), 303))
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


@images.get("")
@operation(
    "The catalogue, newest first",
    Answer(200, "A page of it", JSON, CataloguePage, headers=("Link",)),
    Answer(200, "", HTML),
    problems=(MalformedRequest,),
    parameters=(
        Parameter("limit", "Images on a page", {"type": "integer", "minimum": 1, "maximum": _MAX_PAGE_SIZE}),
        Parameter("before", "Only numbers below this one", {"type": "integer", "minimum": 0}),
    ),
    curl="{server}/images?limit=10",
)
def catalogue() -> Response:
    limit = _whole_number("limit", PAGE_SIZE, 1, _MAX_PAGE_SIZE)
    before = request.args.get("before")
    # One more than asked for tells whether there is a next page.
    found = web_context().library.newest(
        limit + 1, None if before is None else ImageId(_whole_number("before", 0, 0, 2**63 - 1))
    )
    page = found[:limit]
    following = absolute_url("images.catalogue", limit=limit, before=page[-1].id) if len(found) > limit else None
    resources = [image_resource(image) for image in page]
    if preferred(request.accept_mimetypes, [JSON, HTML]) == HTML:
        response = make_response(
            render_template("images.html", images=[r.model_dump() for r in resources], next_url=following)
        )
    else:
        response = as_json(CataloguePage(images=resources, next=following))
    if following:
        response.headers["Link"] = f'<{following}>; rel="next"'
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept")
    return response


@images.get("/<image_id:image_id>")
@operation(
    "One image and its metadata",
    Answer(200, "The image", JSON, ImageWithMetadata),
    Answer(200, "", HTML),
    problems=(ImageNotFound, ImageDeleted),
    curl="{server}/images/0",
)
def show(image_id: int) -> Response:
    context = web_context()
    image = existing(context.library, image_id)
    metadata = _metadata_of(image)
    if preferred(request.accept_mimetypes, [JSON, HTML]) == HTML:
        response = make_response(
            render_template(
                "image.html",
                image=image_resource(image).model_dump(),
                groups=as_groups(metadata),
                revealed=as_privacy(metadata),
                summary=metadata.get("summary", {}),
            )
        )
    else:
        response = as_json(image_with_metadata(image, metadata))
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept")
    return response


def _metadata_of(image: Image) -> dict[str, Any]:
    try:
        metadata: dict[str, Any] = json.loads(web_context().files.read(image.id, layout.METADATA_JSON))
    except (FileNotStored, ValueError):
        return {"warnings": [f"{layout.METADATA_JSON} is missing from the folder, or damaged"]}
    return metadata


@images.delete("/<image_id:image_id>")
@operation(
    "Delete an image; its number stays taken",
    Answer(204, "Deleted"),
    problems=(ImageNotFound, ImageDeleted),
    curl="-X DELETE {server}/images/0",
)
def delete(image_id: int) -> Response:
    web_context().removal.delete(ImageId(image_id))
    return Response(status=204)


@images.post("/<image_id:image_id>/delete")
@operation(
    "Delete an image, for a page without JavaScript: forms know only GET and POST",
    Answer(303, "Deleted; the front page"),
    problems=(ImageNotFound, ImageDeleted),
)
def delete_form(image_id: int) -> Response:
    web_context().removal.delete(ImageId(image_id))
    return make_response(redirect(absolute_url("service.home"), 303))


@images.post("/<image_id:image_id>/retry")
@operation(
    "Try again to make the vignettes of a failed image",
    Answer(202, "It will be tried; the image as it stands now", JSON, ImageResource, headers=("Location",)),
    Answer(303, "The page of the image, for the form of a browser"),
    problems=(ImageNotFound, ImageDeleted, ImageNotFailed),
    curl="-X POST {server}/images/0/retry",
)
def retry(image_id: int) -> Response:
    context = web_context()
    context.renewal.retry(ImageId(image_id), Lane.FAST)
    location = absolute_url("images.show", image_id=image_id)
    if preferred(request.accept_mimetypes, [JSON, HTML]) == HTML:
        response = make_response(redirect(location, 303))
    else:
        response = as_json(image_resource(existing(context.library, image_id)), 202)
        response.headers["Location"] = location
    response.vary.add("Accept")
    return response


@images.get("/<image_id:image_id>/original")
@operation(
    "The very bytes that were uploaded",
    Answer(200, "The file", "image/*", headers=("ETag", "Repr-Digest", "Content-Digest", "Content-Disposition")),
    Answer(206, "The range asked for", "image/*", headers=("Content-Range",)),
    Answer(304, "It has not changed"),
    Answer(412, "It is not the one that `If-Match` asks for"),
    problems=(ImageNotFound, ImageDeleted, Overloaded),
    curl="-OJ {server}/images/0/original",
)
def original(image_id: int) -> Response:
    context = web_context()
    image = existing(context.library, image_id)
    record = image.record
    file = context.files.open(image.id, layout.original(record.facts))
    response = Response(mimetype=record.facts.media_type)
    response.call_on_close(file.close)
    response.set_etag(record.sha256)
    response.last_modified = record.received_at
    response.headers["Repr-Digest"] = sha256_digest(record.sha256)
    response.headers["Cache-Control"] = "no-cache"
    # Never shown in place: what a stranger sent does not run in this site's name, whatever it turns out to be.
    response.headers.set("Content-Disposition", "attachment", filename=download_name(image))
    if _is_settled_by_conditions(response):
        return response
    response.response = wrap_file(request.environ, file, CHUNK_BYTES)
    response.direct_passthrough = True
    response.content_length = record.bytes
    return _in_ranges(response, record.bytes)


@images.get("/<image_id:image_id>/public")
@operation(
    "A copy to publish: the same pixels, and nothing that the file says of anybody",
    Answer(200, "The copy", "image/*", headers=("ETag", "Content-Disposition")),
    Answer(206, "The range asked for", "image/*", headers=("Content-Range",)),
    Answer(304, "It has not changed"),
    Answer(412, "It is not the one that `If-Match` asks for"),
    problems=(ImageNotFound, ImageDeleted, NotPublishable, PublicCopyNotClean, Overloaded),
    curl="-OJ {server}/images/0/public",
)
def public(image_id: int) -> Response:
    """
    Left out are EXIF, XMP, IPTC, comments, previews and whatever else is not the picture. Orientation and colour
    profile stay, or it would look another way. For JPEG, PNG, APNG, GIF and WebP.
    """
    context = web_context()
    image = existing(context.library, image_id)
    facts = image.record.facts
    response = Response(mimetype=facts.media_type)
    response.set_etag(f"{image.record.sha256}-{_PUBLIC_COPY_EDITION}")
    response.headers["Cache-Control"] = "no-cache"
    if _is_settled_by_conditions(response):
        return response
    file = context.files.open(image.id, layout.original(facts))
    try:
        copy = publish(file, image.record.bytes)
    except VignetteError:
        file.close()
        raise
    # Not the server's own wrapper, which may look for a file descriptor.
    response.response = FileWrapper(cast(IO[bytes], copy), CHUNK_BYTES)
    response.direct_passthrough = True
    response.call_on_close(copy.close)
    response.content_length = copy.size
    # The name as sent is left out too: it may be anybody's.
    response.headers.set("Content-Disposition", "attachment", filename=f"image-{image.id}.{facts.extension}")
    return _in_ranges(response, copy.size)


def _is_settled_by_conditions(response: Response) -> bool:
    """Whether *response*, still without its file, is a 304 or a 412; that comes before a range (RFC 9110, 13.2.2)."""
    response.make_conditional(_without_range(request))
    return response.status_code != 200


def _in_ranges(response: Response, size: int) -> Response:
    """*response*, of *size* bytes, or what the request wants of it."""
    try:
        response.make_conditional(_with_a_usable_range(request, size), accept_ranges=True, complete_length=size)
    except HTTPException:
        response.close()
        raise
    if response.status_code == 200 and request.method == "GET" and "Repr-Digest" in response.headers:
        # RFC 9530: of the very bytes in this answer, so not of a range's, nor of none.
        response.headers["Content-Digest"] = response.headers["Repr-Digest"]
    return web_context().downloads.in_a_place(response) if request.method == "GET" else response


def _with_a_usable_range(request: Request, length: int) -> Request:
    """
    *request*, without its Range where that may be ignored: it asks for several ranges, for none that makes sense, or
    for the last so many bytes of a file that has no more than *length* (RFC 9110, 14.1.2 and 14.2).
    """
    ranges = request.range.ranges if request.range and request.range.units == "bytes" else []
    if len(ranges) == 1 and (ranges[0][0] >= 0 or -ranges[0][0] <= length):
        return request
    return _without_range(request)


def _without_range(request: Request) -> Request:
    return Request({name: value for name, value in request.environ.items() if name != "HTTP_RANGE"})


@images.get("/<image_id:image_id>/metadata.txt")
@operation(
    "What the file says of itself, for a person",
    Answer(200, "The metadata", TEXT),
    problems=(ImageNotFound, ImageDeleted),
    curl="{server}/images/0/metadata.txt",
)
def metadata_txt(image_id: int) -> Response:
    return _stored(image_id, layout.METADATA_TEXT, TEXT)


@images.get("/<image_id:image_id>/metadata.json")
@operation(
    "What the file says of itself, for a program: every value with its type",
    Answer(200, "The metadata", JSON),
    problems=(ImageNotFound, ImageDeleted),
    curl="{server}/images/0/metadata.json",
)
def metadata_json(image_id: int) -> Response:
    return _stored(image_id, layout.METADATA_JSON, JSON)


def _stored(image_id: int, name: str, media_type: str) -> Response:
    context = web_context()
    image = existing(context.library, image_id)
    response = Response(context.files.read(image.id, name), mimetype=media_type)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


def download_name(image: Image) -> str:
    """
    The name under which a browser saves the original: the last part of the name as sent, with the extension of what the
    file really is.
    """
    facts = image.record.facts
    stem = re.split(r"[/\\]", image.record.name or "")[-1].strip(" .")[:_MAX_DOWNLOAD_NAME_CHARS]
    if not stem:
        return f"image-{image.id}.{facts.extension}"
    known = mimetypes.guess_type(f"_.{stem.rpartition('.')[2]}")[0] == facts.media_type
    return stem if known else f"{stem}.{facts.extension}"


def _whole_number(name: str, default: int, low: int, high: int) -> int:
    """The query parameter *name*, checked."""
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and low <= int(text) <= high):
        raise MalformedRequest(f"{name} is {text[:30]!r}, and has to be a whole number from {low} to {high}")
    return int(text)
