"""The files of an image, as they are kept or made: the original, the public copy, the metadata."""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from typing import IO, Final, cast
from urllib.parse import quote

from flask import Blueprint, Request, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import FileWrapper

from vignette.errors import (
    CatalogueUnavailable,
    FileNotStored,
    ImageDeleted,
    ImageNotFound,
    MalformedRequest,
    NotPublishable,
    Overloaded,
    StoreUnavailable,
)
from vignette.limits import CHUNK_BYTES
from vignette.model import Image, ImageId
from vignette.web.api.headers import BY_TAG, IF_MODIFIED_SINCE, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE
from vignette.web.api.operations import Answer, operation
from vignette.web.context import web_context
from vignette.web.http.digests import sha256_digest
from vignette.web.http.negotiation import HTML, JSON, PROBLEM, TEXT
from vignette.web.http.problems import Problem

files = Blueprint("files", __name__, url_prefix="/images")

_MAX_DOWNLOAD_NAME_CHARS: Final = 150

# The end of a public copy's ETag. Raise its number when `vignette.pixels.publishing` leaves out more, or less.
_PUBLIC_COPY_EDITION: Final = "public-1"

_OF_A_FILE: Final = ("ETag", "Cache-Control")
_OF_THE_ORIGINAL: Final = (*_OF_A_FILE, "Repr-Digest", "Content-Disposition")
_TROUBLES: Final = (ImageNotFound, FileNotStored, ImageDeleted, CatalogueUnavailable, StoreUnavailable)
_NO_SUCH_RANGE: Final = (
    Answer(
        416,
        "The file has no such range",
        PROBLEM,
        Problem,
        ("Content-Range", "Cache-Control", "Vary"),
        problem=MalformedRequest,
    ),
    Answer(416, "", HTML),
)


@files.get("/<image_id:image_id>/original")
@operation(
    "The very bytes that were uploaded",
    Answer(200, "The file", "image/*", headers=(*_OF_THE_ORIGINAL, "Last-Modified", "Content-Digest", "Accept-Ranges")),
    Answer(
        206,
        "The range asked for",
        "image/*",
        headers=(*_OF_THE_ORIGINAL, "Last-Modified", "Accept-Ranges", "Content-Range"),
    ),
    Answer(304, "It has not changed", headers=_OF_THE_ORIGINAL),
    Answer(412, "It is not the one that the condition asks for", headers=(*_OF_THE_ORIGINAL, "Last-Modified")),
    *_NO_SUCH_RANGE,
    problems=(*_TROUBLES, Overloaded),
    parameters=(*BY_TAG, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, RANGE, IF_RANGE),
    curl="-OJ {server}/images/0/original",
)
def original(image_id: int) -> Response:
    context = web_context()
    image = context.browsing.existing(ImageId(image_id))
    record = image.record
    response = Response(mimetype=record.facts.media_type)
    response.set_etag(record.sha256)
    response.last_modified = record.received_at
    response.headers["Repr-Digest"] = sha256_digest(record.sha256)
    response.headers["Cache-Control"] = "no-cache"
    # Browsers save it and never show it: a stranger's file must not run in this site's name, whatever it is.
    response.headers.set("Content-Disposition", "attachment", **_names(download_name(image), image))
    if _is_settled_by_conditions(response):
        return response
    return _sending(response, context.serving.original(image), record.bytes)


@files.get("/<image_id:image_id>/public")
@operation(
    "A copy to publish: the same pixels, and nothing that the file says of anybody",
    Answer(200, "The copy", "image/*", headers=(*_OF_A_FILE, "Content-Disposition", "Accept-Ranges")),
    Answer(
        206,
        "The range asked for",
        "image/*",
        headers=(*_OF_A_FILE, "Content-Disposition", "Accept-Ranges", "Content-Range"),
    ),
    Answer(304, "It has not changed", headers=_OF_A_FILE),
    Answer(412, "It is not the one that `If-Match` asks for", headers=_OF_A_FILE),
    *_NO_SUCH_RANGE,
    problems=(*_TROUBLES, NotPublishable, Overloaded),
    parameters=(*BY_TAG, RANGE, IF_RANGE),
    curl="-OJ {server}/images/0/public",
)
def public(image_id: int) -> Response:
    """
    Left out are EXIF, XMP, IPTC, comments, previews and whatever else is not the picture. Orientation and colour
    profile stay, or it would look another way. For JPEG, PNG, APNG, GIF and WebP.
    """
    context = web_context()
    image = context.browsing.existing(ImageId(image_id))
    facts = image.record.facts
    response = Response(mimetype=facts.media_type)
    response.set_etag(f"{image.record.sha256}-{_PUBLIC_COPY_EDITION}")
    response.headers["Cache-Control"] = "no-cache"
    if _is_settled_by_conditions(response):
        return response
    copy = context.serving.public_copy(image)
    # The name as sent is left out too, because it may name somebody.
    response.headers.set("Content-Disposition", "attachment", filename=f"image-{image.id}.{facts.extension}")
    return _sending(response, cast(IO[bytes], copy), copy.size)


def _is_settled_by_conditions(response: Response) -> bool:
    """
    Make *response*, still without its file, a 304 or a 412 if a condition asks for that; return whether it is one.

    Conditions come before ranges (RFC 9110, 13.2.2).
    """
    response.make_conditional(_without_range(request))
    return response.status_code != 200


def _sending(response: Response, file: IO[bytes], size: int) -> Response:
    """Return *response* with *file*, of *size* bytes, or with the range that the request asks for; it closes *file*."""
    response.response = FileWrapper(file, CHUNK_BYTES)
    response.direct_passthrough = True
    response.content_length = size
    response.call_on_close(file.close)
    try:
        response.make_conditional(_with_a_usable_range(request, size), accept_ranges=True, complete_length=size)
    except HTTPException:
        response.close()
        raise
    if request.method == "HEAD":
        return response
    if response.status_code == 200 and "Repr-Digest" in response.headers:
        # RFC 9530: Content-Digest is of the bytes in this very answer, so the digest of the whole fits no range.
        response.headers["Content-Digest"] = response.headers["Repr-Digest"]
    return web_context().capacity.sending(response)


def _with_a_usable_range(request: Request, length: int) -> Request:
    """
    Return *request*, without its Range if that has to be ignored, or may be (RFC 9110, 14.1.2 and 14.2).

    That is so in a HEAD request; if it asks for several ranges, or for none that makes sense; and if it asks for more
    last bytes than the *length* of the file.
    """
    if request.method != "GET":
        return _without_range(request)
    ranges = request.range.ranges if request.range and request.range.units == "bytes" else []
    if len(ranges) == 1 and (ranges[0][0] >= 0 or -ranges[0][0] <= length):
        return request
    return _without_range(request)


def _without_range(request: Request) -> Request:
    return Request({name: value for name, value in request.environ.items() if name != "HTTP_RANGE"})


@files.get("/<image_id:image_id>/metadata.txt")
@operation(
    "What the file says of itself, for a person",
    Answer(200, "The metadata", TEXT, headers=_OF_A_FILE),
    Answer(304, "It has not changed", headers=_OF_A_FILE),
    Answer(412, "It is not the one that `If-Match` asks for", headers=_OF_A_FILE),
    problems=_TROUBLES,
    parameters=BY_TAG,
    curl="{server}/images/0/metadata.txt",
)
def metadata_txt(image_id: int) -> Response:
    browsing = web_context().browsing
    return _stored(browsing.metadata_text(browsing.existing(ImageId(image_id))), TEXT)


@files.get("/<image_id:image_id>/metadata.json")
@operation(
    "What the file says of itself, for a program: every value with its type",
    Answer(200, "The metadata", JSON, headers=_OF_A_FILE),
    Answer(304, "It has not changed", headers=_OF_A_FILE),
    Answer(412, "It is not the one that `If-Match` asks for", headers=_OF_A_FILE),
    problems=_TROUBLES,
    parameters=BY_TAG,
    curl="{server}/images/0/metadata.json",
)
def metadata_json(image_id: int) -> Response:
    browsing = web_context().browsing
    return _stored(browsing.metadata_json(browsing.existing(ImageId(image_id))), JSON)


def _stored(content: bytes, media_type: str) -> Response:
    response = Response(content, mimetype=media_type)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    if response.status_code == 412:
        response.data = b""
    return response


def _names(name: str, image: Image) -> dict[str, str]:
    """Return the parameters that tell *name*: for all clients in ASCII, and as it is (RFC 6266, appendix D)."""
    if name.isascii():
        return {"filename": name}
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    if not plain.rpartition(".")[0].strip():
        plain = f"image-{image.id}.{image.record.facts.extension}"
    return {"filename": plain, "filename*": f"UTF-8''{quote(name, safe='', errors='replace')}"}


def download_name(image: Image) -> str:
    """
    Return the name under which a browser saves the original: the last part of the name as sent, with an extension of
    the format that the file really has.
    """
    facts = image.record.facts
    stem = re.split(r"[/\\]", image.record.name or "")[-1].strip(" .")[:_MAX_DOWNLOAD_NAME_CHARS]
    if not stem:
        return f"image-{image.id}.{facts.extension}"
    known = mimetypes.guess_type(f"_.{stem.rpartition('.')[2]}")[0] == facts.media_type
    return stem if known else f"{stem}.{facts.extension}"
