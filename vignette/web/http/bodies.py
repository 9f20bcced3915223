"""The files in a request's body, in any form that it may have; each is read as it arrives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final, Protocol

from flask import Request
from werkzeug.http import parse_options_header

from vignette.errors import MalformedRequest, NoFile, Refused, UnsupportedFormat
from vignette.limits import CHUNK_BYTES, MULTIPART_OVERHEAD_BYTES
from vignette.tally import Announced, Tally, too_large
from vignette.web.http.digests import announced_digests
from vignette.web.http.multipart import FilePart, file_parts

FIELD: Final = "file"

_FORM: Final = "multipart/form-data"

MAX_KEY_CHARS: Final = 255


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What one request may hold, whatever the limits of a single file."""

    max_bytes: int
    max_files: int


class Source(Protocol):
    """Where the bytes of a body come from."""

    def read(self, size: int, /) -> bytes:
        """At most *size* bytes; none at the end, and where they broke off."""

    def broken_off(self, tally: Tally) -> Refused:
        """Why there are no more than those in *tally*, although more were announced."""


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """
    A file of which nothing has come yet. `chunks` is read before the next file is asked for; what is left is skipped.
    """

    name: str | None
    chunks: Iterator[bytes]
    announced: Announced


@dataclass(frozen=True, slots=True)
class IncomingFiles:
    """
    The files of a request, in order. `envelope` counts the bytes of a form as a whole: its boundaries and headers are
    among them. The bytes of a raw body are those of its one file, and have no envelope.
    """

    files: Iterator[IncomingFile]
    envelope: Tally | None = None


def files_in(request: Request, source: Source, limits: RequestLimits, max_file_bytes: int) -> IncomingFiles:
    """
    The files in the body of *request*, which is read from *source*, one after the other.

    Raises:
        NoFile: There is no body.
        UploadTooLarge: By its header the body is over the limit; nothing of it was read.
        MalformedRequest: The header is no sense; while the files are read, also: the body breaks off, or is no form.
        UnsupportedFormat: Its Content-Type is neither a form nor an image.
    """
    media_type, options = parse_options_header(request.content_type)
    if media_type == _FORM:
        _check_length(request, limits.max_bytes + MULTIPART_OVERHEAD_BYTES)
        if not options.get("boundary"):
            raise MalformedRequest(f"Content-Type {_FORM} names no boundary")
        envelope = Tally(_announced(request))
        return IncomingFiles(_in_form(source, envelope, options["boundary"].encode()), envelope)
    if media_type.startswith("image/") or media_type == "application/octet-stream":
        _check_length(request, max_file_bytes)
        _, disposition = parse_options_header(request.headers.get("Content-Disposition"))
        chunks = iter(lambda: source.read(CHUNK_BYTES), b"")
        return IncomingFiles(iter([IncomingFile(disposition.get("filename"), chunks, _announced(request))]))
    if not media_type and not request.content_length:
        raise NoFile(f"the request has no body; send a form with a field named {FIELD!r}, or the bytes of an image")
    raise UnsupportedFormat(f"Content-Type {media_type!r} is neither {_FORM} nor an image's")


def idempotency_key(request: Request) -> str | None:
    """
    Raises:
        MalformedRequest: It is empty, or too long.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= MAX_KEY_CHARS:
        raise MalformedRequest(
            f"an Idempotency-Key has 1 to {MAX_KEY_CHARS} characters", measured=len(key), limit=MAX_KEY_CHARS
        )
    return key


class _Counted:
    """*source*, whose bytes go into *tally* as they pass."""

    def __init__(self, source: Source, tally: Tally) -> None:
        self._source = source
        self._tally = tally

    def read(self, size: int, /) -> bytes:
        chunk = self._source.read(size)
        self._tally.add(chunk)
        if not chunk and self._tally.is_short:
            raise self._source.broken_off(self._tally)
        return chunk


def _in_form(source: Source, envelope: Tally, boundary: bytes) -> Iterator[IncomingFile]:
    for part in file_parts(_Counted(source, envelope), boundary):
        if part.field == FIELD:
            yield from _if_filled(part)


def _if_filled(part: FilePart) -> Iterator[IncomingFile]:
    """*part*, unless it is what a browser sends for a field that nobody filled in: a file of no name and no bytes."""
    chunks = part.chunks
    if part.name is None:
        first = next(chunks, b"")
        if not first:
            return
        chunks = chain([first], chunks)  # some clients send a file without a name: its bytes are as good as any
    yield IncomingFile(part.name, chunks, Announced(digests=announced_digests(part.headers)))


def _announced(request: Request) -> Announced:
    return Announced(request.content_length, announced_digests(request.headers))


def _check_length(request: Request, limit: int) -> None:
    if request.content_length is not None and request.content_length > limit:
        raise too_large(request.content_length, limit)
