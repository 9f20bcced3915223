"""The body of `POST /images`, in any of its forms, handed to the intake while it arrives."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from typing import Final

from flask import Request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import ClientDisconnected
from werkzeug.http import parse_options_header

from vignette.errors import (
    MalformedRequest,
    NoFile,
    Refused,
    TooManyFiles,
    UnsupportedFormat,
    UploadTooLarge,
    UploadTooSlow,
    VignetteError,
)
from vignette.limits import CHUNK_BYTES, MIN_BODY_BYTES_PER_S, MULTIPART_OVERHEAD_BYTES
from vignette.model import Image
from vignette.use_cases.intake import Intake, Lane, Upload, clean_name, too_large
from vignette.web.capacity.slow_clients import SlowClients
from vignette.web.http.digests import DigestCheck
from vignette.web.http.multipart import FilePart, file_parts

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


class _Body:
    """The body of a request: counted as it is read, and held against the length and the digests in its header."""

    def __init__(self, request: Request, slow_clients: SlowClients) -> None:
        self.digest = DigestCheck(request.headers)
        self._stream = request.stream
        self._length = request.content_length
        self._received = 0
        self._slow_clients = slow_clients
        self._last_read = time.monotonic()

    def read(self, size: int, /) -> bytes:
        """
        Raises:
            MalformedRequest: It ends before its length. Web servers that say so themselves are few.
            UploadTooSlow: It ends so because hardly anything came.
        """
        begun = time.monotonic()
        try:
            with self._slow_clients.moving():
                chunk: bytes = self._stream.read(size)
        except (OSError, ClientDisconnected) as error:
            raise self._broken_off() from error
        self._received += len(chunk)
        self.digest.update(chunk)
        if not chunk and self._length is not None and self._received < self._length:
            raise self._broken_off()
        self._last_read = begun
        return chunk

    def _broken_off(self) -> Refused:
        # The read before this one may be the one that was cut: it then came back with what little there was.
        of_length = "" if self._length is None else f" of {self._length}"
        if self._slow_clients.has_cut_since(self._last_read):
            return UploadTooSlow(
                f"the body was cut off after {self._received}{of_length} bytes: less than {MIN_BODY_BYTES_PER_S} bytes"
                f" a second came over {self._slow_clients.window_s:g} seconds"
            )
        return MalformedRequest(
            f"the body ended after {self._received}{of_length} bytes", measured=self._received, limit=self._length
        )


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A file of which every byte has come, or the error."""

    name: str | None
    upload: Upload | VignetteError
    idempotency_key: str | None


def receive_all(request: Request, intake: Intake, limits: RequestLimits, slow_clients: SlowClients) -> list[Receipt]:
    """
    Take every file of the request; each is answered for itself.

    Raises:
        NoFile: There is none.
        UploadTooLarge: By its header the request is over the limit; nothing of it was read.
        UploadTooSlow: So little came that it was cut off. As with the next:
        MalformedRequest: It cannot be read to its end, and no file was complete by then, or a digest of the whole was
            announced. Else the files before are kept, and that is the last receipt.
        DigestMismatch: The request as a whole is not what its header announced; nothing is kept.
        UnsupportedFormat: Its Content-Type is neither a form nor an image.
    """
    body = _Body(request, slow_clients)
    with ExitStack() as staged:
        arrivals: Iterable[_Arrival] = _arrivals(request, body, intake, limits, staged)
        if body.digest:
            # Before all of it has come nobody knows whether it is what was sent.
            arrivals = list(arrivals)
            body.digest.verify()
        receipts = list(_keep_all(arrivals, intake))
    if not receipts:
        raise NoFile(f"the form has no file in a field named {FIELD!r}")
    return receipts


def _keep_all(arrivals: Iterable[_Arrival], intake: Intake) -> Iterator[Receipt]:
    lane = Lane.FAST
    try:
        for arrival in arrivals:
            yield _keep(arrival, intake, lane)
            lane = Lane.BULK  # who sends many looks at the first, and everybody else's comes before the others
    except (MalformedRequest, TooManyFiles, UploadTooSlow) as error:
        if lane is Lane.FAST:
            raise
        # The files before it are kept: their numbers must not get lost.
        yield Receipt(None, error)


def _keep(arrival: _Arrival, intake: Intake, lane: Lane) -> Receipt:
    if isinstance(arrival.upload, VignetteError):
        return Receipt(arrival.name, arrival.upload)
    with arrival.upload as upload:
        try:
            return Receipt(arrival.name, intake.keep(upload, arrival.name, arrival.idempotency_key, lane))
        except VignetteError as error:
            return Receipt(arrival.name, error)


def _arrivals(
    request: Request, body: _Body, intake: Intake, limits: RequestLimits, staged: ExitStack
) -> Iterator[_Arrival]:
    """The files, each once it has come; what is asked for next is read next. *staged* discards what is not kept."""
    key = _idempotency_key(request)
    for number, part in enumerate(_parts(request, body, intake, limits)):
        if number == limits.max_files:
            others = "none was taken" if body.digest else "the others were not read"
            raise TooManyFiles(
                f"more than {limits.max_files} files; {others}", measured=number + 1, limit=limits.max_files
            )
        upload = _receive(part, intake, staged)
        if isinstance(upload, UploadTooLarge) and request.content_length is None and body.digest:
            raise upload
        yield _Arrival(clean_name(part.name), upload, key and (f"{key}/{number}" if number else key))
        if isinstance(upload, UploadTooLarge) and request.content_length is None:
            return  # nobody knows how much more of it would come


def _receive(part: FilePart, intake: Intake, staged: ExitStack) -> Upload | VignetteError:
    digest = DigestCheck(part.headers)
    upload = None
    try:
        upload = staged.enter_context(intake.begin())
        for chunk in part.chunks:
            upload.append(chunk)
            digest.update(chunk)
        digest.verify()
    except (MalformedRequest, UploadTooSlow):
        raise  # the request itself is at fault: there is no next file
    except VignetteError as error:
        if upload is not None:
            upload.discard()  # what follows needs the room
        return error
    return upload


def _parts(request: Request, body: _Body, intake: Intake, limits: RequestLimits) -> Iterator[FilePart]:
    media_type, options = parse_options_header(request.content_type)
    if media_type == _FORM:
        return _form_parts(request, body, options.get("boundary", ""), limits)
    if media_type.startswith("image/") or media_type == "application/octet-stream":
        _check_length(request, intake.limits.max_bytes)
        _, disposition = parse_options_header(request.headers.get("Content-Disposition"))
        chunks = iter(lambda: body.read(CHUNK_BYTES), b"")
        return iter([FilePart(FIELD, disposition.get("filename"), chunks, Headers())])
    if not media_type and not request.content_length:
        raise NoFile(f"the request has no body; send a form with a field named {FIELD!r}, or the bytes of an image")
    raise UnsupportedFormat(f"Content-Type {media_type!r} is neither {_FORM} nor an image's")


def _form_parts(request: Request, body: _Body, boundary: str, limits: RequestLimits) -> Iterator[FilePart]:
    _check_length(request, limits.max_bytes + MULTIPART_OVERHEAD_BYTES)
    if not boundary:
        raise MalformedRequest(f"Content-Type {_FORM} names no boundary")
    for part in file_parts(body, boundary.encode()):
        if part.field == FIELD:
            yield from _if_filled(part)


def _if_filled(part: FilePart) -> Iterator[FilePart]:
    """*part*, unless it is what a browser sends for a field that nobody filled in: a file of no name and no bytes."""
    if part.name is not None:
        yield part
        return
    first = next(part.chunks, b"")
    if first:  # some clients send a file without a name: its bytes are as good as any
        yield FilePart(part.field, None, chain([first], part.chunks), part.headers)


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
