"""The files of an image, as they are kept or made: the original, the public copy, the metadata."""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from typing import IO, Final, cast
from urllib.parse import quote

from flask import Blueprint, Request, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import FileWrapper

from vignette.access.actors import Scope
from vignette.access.links import Representation
from vignette.errors import (
    CatalogueUnavailable,
    EditedMeanwhile,
    FileNotStored,
    ImageDeleted,
    ImageNotFound,
    NotPublishable,
    Overloaded,
    QueueUnavailable,
    RangeNotSatisfiable,
    StoreUnavailable,
)
from vignette.limits import CHUNK_BYTES, MAX_WAIT_S
from vignette.model import Image, ImageRef
from vignette.web.api.headers import BY_TAG, IF_MODIFIED_SINCE, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE, header
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources.images import ImageResource, copy_of, image_resource
from vignette.web.api.urls import ref_of
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, checked_each_time, no_content, wants_a_page
from vignette.web.http.conditions import settle, without_conditions
from vignette.web.http.digests import sha256_digest
from vignette.web.http.negotiation import HTML, JSON, TEXT
from vignette.web.http.preferences import preferred_wait_s
from vignette.web.linked import current_link

files = Blueprint("files", __name__, url_prefix="/images")

_MAX_DOWNLOAD_NAME_CHARS: Final = 150

# How long a client waits for a public copy that has to be made, if it does not say: programs that download take what
# they get, so 202 is for the few copies that take long.
_PATIENCE_S: Final = 5
_RETRY_AFTER_S: Final = 1

_OF_A_FILE: Final = ("ETag", "Cache-Control")
_OF_THE_ORIGINAL: Final = (*_OF_A_FILE, "Repr-Digest", "Content-Disposition")
_OF_A_COPY: Final = (*_OF_THE_ORIGINAL, "Vignette-Public-Copy")
_TROUBLES: Final = (ImageNotFound, FileNotStored, ImageDeleted, CatalogueUnavailable, StoreUnavailable)
_NO_SUCH_RANGE: Final = Answer(416, "", headers=("Content-Range",))


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
    Answer(412, "It is not the one that the condition asks for", headers=("ETag", "Last-Modified")),
    _NO_SUCH_RANGE,
    scope=Scope.READ,
    problems=(*_TROUBLES, EditedMeanwhile, RangeNotSatisfiable, Overloaded),
    parameters=(*BY_TAG, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, RANGE, IF_RANGE),
    link=Representation.ORIGINAL,
    curl="-OJ {server}/images/0/original",
)
def original(image_id: ImageRef) -> Response:
    context = web_context()
    image = context.browsing.existing(current_actor(), image_id)
    record = image.record
    response = checked_each_time(Response(mimetype=record.facts.media_type))
    response.set_etag(record.sha256)
    response.last_modified = record.received_at
    response.headers["Repr-Digest"] = sha256_digest(record.sha256)
    # Browsers save it and never show it: a stranger's file must not run in this site's name, whatever it is.
    response.headers.set("Content-Disposition", "attachment", **_names(download_name(image), image))
    # Conditions come before ranges (RFC 9110, 13.2.2).
    if (settled := settle(response, request)) is not None:
        return settled
    return _sending(response, context.serving.original(image), record.bytes)


@files.get("/<image_id:image_id>/public")
@operation(
    "A copy to publish: the same pixels, and nothing that the file says of anybody",
    Answer(200, "The copy", "image/*", headers=(*_OF_A_COPY, "Content-Digest", "Accept-Ranges")),
    Answer(
        202,
        "It is being made, as nobody has asked for it before: ask again",
        JSON,
        ImageResource,
        headers=("Retry-After", "Cache-Control", "Vary"),
    ),
    Answer(202, "", HTML),
    Answer(
        206,
        "The range asked for",
        "image/*",
        headers=(*_OF_A_COPY, "Accept-Ranges", "Content-Range"),
    ),
    Answer(304, "It has not changed", headers=_OF_A_COPY),
    Answer(412, "It is not the one that `If-Match` asks for", headers=("ETag",)),
    _NO_SUCH_RANGE,
    scope=Scope.READ,
    problems=(*_TROUBLES, EditedMeanwhile, RangeNotSatisfiable, NotPublishable, QueueUnavailable, Overloaded),
    parameters=(
        *BY_TAG,
        RANGE,
        IF_RANGE,
        header("Prefer", f"`wait=N`: wait for it, at most N seconds and {MAX_WAIT_S}; without it, {_PATIENCE_S}"),
    ),
    link=Representation.PUBLIC,
    curl="-OJ {server}/images/0/public",
)
def public(image_id: ImageRef) -> Response:
    """
    Left out are EXIF, XMP, IPTC, comments, previews and whatever else is not the picture. Orientation and colours stay,
    or it would look another way. Pictures in TIFF, BMP, HEIC, HEIF and AVIF are encoded anew: a JPEG of the first
    picture, upright and in sRGB, or a WebP where it is transparent. `Vignette-Public-Copy` tells it.
    """
    context = web_context()
    image = context.browsing.existing(current_actor(), image_id)
    patience_s = preferred_wait_s(request)
    patience_s = min(_PATIENCE_S if patience_s is None else patience_s, MAX_WAIT_S)
    copy = context.serving.public_copy(current_actor(), image, patience_s)
    if copy is None:
        return _being_made(image)
    response = checked_each_time(Response(mimetype=copy.media_type))
    response.headers["Vignette-Public-Copy"] = copy_of(image.record.facts.media_type)
    # Of the copy's own bytes: that of the original would tell whoever has it that this is its copy.
    response.set_etag(copy.sha256)
    response.headers["Repr-Digest"] = sha256_digest(copy.sha256)
    # The name as sent is left out too, because it may name somebody.
    response.headers.set("Content-Disposition", "attachment", filename=f"image-{ref_of(image)}.{copy.extension}")
    # Conditions come before ranges (RFC 9110, 13.2.2).
    if (settled := settle(response, request)) is not None:
        return settled
    return _sending(response, cast(IO[bytes], context.serving.open_copy(image, copy)), copy.made_of.size)


def _being_made(image: Image) -> Response:
    # By a link comes somebody who is to see the copy, and not what is known of the image.
    is_linked = current_link() is not None
    if wants_a_page():
        page = render_template("copy_waiting.html", image=image_resource(image).model_dump(), is_linked=is_linked)
        response = make_response(page)
    else:
        response = no_content() if is_linked else as_json(image_resource(image))
    response.status_code = 202
    response.vary.add("Accept")
    response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    response.headers["Cache-Control"] = "no-store"
    return response


def _sending(response: Response, file: IO[bytes], size: int) -> Response:
    """Return *response* with *file*, of *size* bytes, or with the range that the request asks for; it closes *file*."""
    response.response = FileWrapper(file, CHUNK_BYTES)
    response.direct_passthrough = True
    response.content_length = size
    response.headers["Accept-Ranges"] = "bytes"
    response.call_on_close(file.close)
    if _has_a_usable_range(request, size):
        try:
            response.make_conditional(without_conditions(request), accept_ranges=True, complete_length=size)
        except HTTPException:
            response.close()
            raise
    if request.method == "HEAD":
        return response
    if response.status_code == 200 and "Repr-Digest" in response.headers:
        # RFC 9530: Content-Digest is of the bytes in this very answer, so the digest of the whole fits no range.
        response.headers["Content-Digest"] = response.headers["Repr-Digest"]
    return web_context().capacity.sending(response)


def _has_a_usable_range(request: Request, length: int) -> bool:
    """
    Return whether *request* has a Range that is neither to be ignored nor may be (RFC 9110, 14.1.2 and 14.2).

    To be ignored is the one of a HEAD request; several ranges, or none that makes sense; and more last bytes than the
    *length* of the file.
    """
    if request.method != "GET" or not request.range or request.range.units != "bytes":
        return False
    ranges = request.range.ranges
    return len(ranges) == 1 and (ranges[0][0] >= 0 or -ranges[0][0] <= length)


@files.get("/<image_id:image_id>/metadata.txt")
@operation(
    "What the file says of itself, for a person",
    Answer(200, "The metadata", TEXT, headers=_OF_A_FILE),
    Answer(304, "It has not changed", headers=_OF_A_FILE),
    Answer(412, "It is not the one that `If-Match` asks for", headers=("ETag",)),
    scope=Scope.READ,
    problems=(*_TROUBLES, EditedMeanwhile),
    parameters=BY_TAG,
    curl="{server}/images/0/metadata.txt",
)
def metadata_txt(image_id: ImageRef) -> Response:
    browsing = web_context().browsing
    return _stored(browsing.metadata_text(browsing.existing(current_actor(), image_id)), TEXT)


@files.get("/<image_id:image_id>/metadata.json")
@operation(
    "What the file says of itself, for a program: every value with its type",
    Answer(200, "The metadata", JSON, headers=_OF_A_FILE),
    Answer(304, "It has not changed", headers=_OF_A_FILE),
    Answer(412, "It is not the one that `If-Match` asks for", headers=("ETag",)),
    scope=Scope.READ,
    problems=(*_TROUBLES, EditedMeanwhile),
    parameters=BY_TAG,
    curl="{server}/images/0/metadata.json",
)
def metadata_json(image_id: ImageRef) -> Response:
    browsing = web_context().browsing
    return _stored(browsing.metadata_json(browsing.existing(current_actor(), image_id)), JSON)


def _stored(content: bytes, media_type: str) -> Response:
    response = checked_each_time(Response(content, mimetype=media_type))
    response.add_etag()
    return settle(response, request) or response


def _names(name: str, image: Image) -> dict[str, str]:
    """Return the parameters that tell *name*: for all clients in ASCII, and as it is (RFC 6266, appendix D)."""
    if name.isascii():
        return {"filename": name}
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    if not plain.rpartition(".")[0].strip():
        plain = f"image-{ref_of(image)}.{image.record.facts.extension}"
    return {"filename": plain, "filename*": f"UTF-8''{quote(name, safe='', errors='replace')}"}


def download_name(image: Image) -> str:
    """
    Return the name under which a browser saves the original: the last part of the name as sent, with an extension of
    the format that the file really has.
    """
    facts = image.record.facts
    stem = re.split(r"[/\\]", image.record.name or "")[-1].strip(" .")[:_MAX_DOWNLOAD_NAME_CHARS]
    if not stem:
        return f"image-{ref_of(image)}.{facts.extension}"
    known = mimetypes.guess_type(f"_.{stem.rpartition('.')[2]}")[0] == facts.media_type
    return stem if known else f"{stem}.{facts.extension}"
