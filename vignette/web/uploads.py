"""The body of `POST /images`, in any of its forms, handed to the intake while it arrives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from flask import Request
from werkzeug.http import parse_options_header

from vignette.errors import MalformedRequest, NoFile, TooManyFiles, UnsupportedFormat, UploadTooLarge, VignetteError
from vignette.intake import Intake, clean_name, too_large
from vignette.limits import CHUNK_BYTES, MULTIPART_OVERHEAD_BYTES
from vignette.model import Image
from vignette.web.multipart import FilePart, file_parts

FIELD: Final = "file"

_FORM: Final = "multipart/form-data"

_MAX_KEY_CHARS: Final = 255


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one file: the image that was kept, or the error."""

    name: str | None
    outcome: Image | VignetteError


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What one request may hold, whatever the limits of a single file."""

    max_bytes: int
    max_files: int


def receive_all(request: Request, intake: Intake, limits: RequestLimits) -> list[Receipt]:
    """
    Take every file of the request; each is answered for itself.

    Raises:
        NoFile: There is none.
        UploadTooLarge: By its header the request is over the limit; nothing of it was read.
        MalformedRequest: It cannot be read, and no file of it was complete. Else that is the last receipt.
        UnsupportedFormat: Its Content-Type is neither a form nor an image.
    """
    receipts: list[Receipt] = []
    key = _idempotency_key(request)
    try:
        for number, part in enumerate(_parts(request, intake, limits)):
            _check_count(number + 1, limits.max_files)
            receipt = _receive(part, intake, key and (f"{key}/{number}" if number else key))
            receipts.append(receipt)
            if isinstance(receipt.outcome, UploadTooLarge) and request.content_length is None:
                break  # nobody knows how much more of it would come
    except (MalformedRequest, TooManyFiles) as error:
        if not receipts:
            raise
        # The files before it are kept: their numbers must not get lost.
        receipts.append(Receipt(None, error))
    if not receipts:
        raise NoFile(f"the form has no file in a field named {FIELD!r}")
    return receipts


def _receive(part: FilePart, intake: Intake, idempotency_key: str | None) -> Receipt:
    name = clean_name(part.name)
    try:
        with intake.begin() as upload:
            for chunk in part.chunks:
                upload.append(chunk)
            return Receipt(name, intake.keep(upload, name, idempotency_key))
    except MalformedRequest:
        raise  # the request itself is at fault: there is no next file
    except VignetteError as error:
        return Receipt(name, error)


def _parts(request: Request, intake: Intake, limits: RequestLimits) -> Iterator[FilePart]:
    media_type, options = parse_options_header(request.content_type)
    if media_type == _FORM:
        return _form_parts(request, options.get("boundary", ""), limits)
    if media_type.startswith("image/") or media_type == "application/octet-stream":
        _check_length(request, intake.limits.max_bytes)
        _, disposition = parse_options_header(request.headers.get("Content-Disposition"))
        return iter([FilePart(FIELD, disposition.get("filename"), _whole_body(request))])
    if not media_type and not request.content_length:
        raise NoFile(f"the request has no body; send a form with a field named {FIELD!r}, or the bytes of an image")
    raise UnsupportedFormat(f"Content-Type {media_type!r} is neither {_FORM} nor an image's")


def _form_parts(request: Request, boundary: str, limits: RequestLimits) -> Iterator[FilePart]:
    _check_length(request, limits.max_bytes + MULTIPART_OVERHEAD_BYTES)
    if not boundary:
        raise MalformedRequest(f"Content-Type {_FORM} names no boundary")
    for part in file_parts(request.stream, boundary.encode()):
        if part.field == FIELD:
            yield from _if_filled(part)


def _whole_body(request: Request) -> Iterator[bytes]:
    """
    The body in chunks. One that ends before the length that was announced is malformed: a picture may be whole without
    what a client that hung up did not send, as a JPEG is without the pictures behind it, and granian tells of no end.
    """
    received = 0
    while chunk := request.stream.read(CHUNK_BYTES):
        received += len(chunk)
        yield chunk
    announced = request.content_length
    if announced is not None and received < announced:
        raise MalformedRequest(
            f"the request ended after {received} of {announced} bytes", measured=received, limit=announced
        )


def _if_filled(part: FilePart) -> Iterator[FilePart]:
    """*part*, unless it is what a browser sends for a field that nobody filled in: a file of no name and no bytes."""
    if part.name is not None:
        yield part
        return
    first = next(part.chunks, b"")
    if first:  # some clients send a file without a name: its bytes are as good as any
        yield FilePart(part.field, None, chain([first], part.chunks))


def _check_count(count: int, limit: int) -> None:
    if count > limit:
        raise TooManyFiles(f"more than {limit} files; the others were not read", measured=count, limit=limit)


def _check_length(request: Request, limit: int) -> None:
    if request.content_length is not None and request.content_length > limit:
        raise too_large(request.content_length, limit)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= _MAX_KEY_CHARS:
        raise MalformedRequest(
            f"an Idempotency-Key has 1 to {_MAX_KEY_CHARS} characters", measured=len(key), limit=_MAX_KEY_CHARS
        )
    return key
