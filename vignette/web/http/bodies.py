"""The files in a request's body, in any form that it may have; each is read as it arrives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Protocol

from flask import Request

from vignette.errors import MalformedRequest, NoFile, Refused, UnsupportedFormat
from vignette.limits import CHUNK_BYTES, MULTIPART_OVERHEAD_BYTES
from vignette.pixels.formats import HEAD_BYTES, sniff
from vignette.tally import Announced, Tally, too_large
from vignette.web.http.digests import announced_digests
from vignette.web.http.multipart import Part, parts_of
from vignette.web.http.parameters import file_name, header_text, parameters

FIELD: Final = "file"
_IN_THE_ADDRESS: Final = "visibility"

_FORM: Final = "multipart/form-data"

MAX_KEY_CHARS: Final = 255

# A person looks through the names for the one that is wrong.
_MAX_FIELDS_TOLD: Final = 10
_MAX_FIELD_CHARS: Final = 40


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


class FieldsSeen:
    """The fields of a form that came by, to tell them to a client that sent its file in another one than `FIELD`."""

    def __init__(self) -> None:
        self._told: dict[str, None] = {}

    def note(self, part: Part) -> None:
        name = part.field if len(part.field) <= _MAX_FIELD_CHARS else f"{part.field[: _MAX_FIELD_CHARS - 1]}…"
        kind = " (no file)" if part.field == FIELD else " (a file)" if part.is_file else ""
        self._told[f"{name!r}{kind}"] = None

    def in_words(self) -> str:
        told = list(self._told)
        if not told:
            return "it has no fields"
        more = f" and {len(told) - _MAX_FIELDS_TOLD} more" if len(told) > _MAX_FIELDS_TOLD else ""
        return f"it has the fields {', '.join(told[:_MAX_FIELDS_TOLD])}{more}"


@dataclass(frozen=True, slots=True)
class IncomingFiles:
    """
    The files of a request, in order. `envelope` counts the bytes of a form as a whole: its boundaries and headers are
    among them. The bytes of a raw body are those of its one file, and have no envelope. `seen` fills as the files are
    read.
    """

    files: Iterator[IncomingFile]
    envelope: Tally | None = None
    seen: FieldsSeen = field(default_factory=FieldsSeen)


def files_in(request: Request, source: Source, limits: RequestLimits, max_file_bytes: int) -> IncomingFiles:
    """
    The files in the body of *request*, which is read from *source*, one after the other.

    Raises:
        NoFile: There is no body.
        UploadTooLarge: By its header the body is over the limit; nothing of it was read. While the files of a form are
            read, also: so many bytes have come.
        MalformedRequest: The header is no sense; while the files are read, also: the body breaks off, or is no form.
        UnsupportedFormat: Its Content-Type is neither a form's nor an image's, and it does not begin as an image does.
    """
    header = request.content_type or ""
    media_type = header.partition(";")[0].strip().lower()
    if media_type == _FORM:
        return _form(request, source, parameters(header).get("boundary", ""), limits)
    _check_length(request, max_file_bytes)
    chunks = iter(lambda: source.read(CHUNK_BYTES), b"")
    if not media_type.startswith("image/") and media_type != "application/octet-stream":
        chunks = _if_image(chunks, media_type, request.content_length)
    disposition = parameters(header_text(request.headers.get("Content-Disposition", "")))
    return IncomingFiles(iter([IncomingFile(file_name(disposition), chunks, _announced(request))]))


def _form(request: Request, source: Source, boundary: str, limits: RequestLimits) -> IncomingFiles:
    _check_length(request, limits.max_bytes + MULTIPART_OVERHEAD_BYTES)
    if not boundary:
        raise MalformedRequest(f"Content-Type {_FORM} names no boundary")
    # Without a length, only the bytes that come tell how large it is: those of other fields too.
    envelope, seen = Tally(_announced(request), limit=limits.max_bytes + MULTIPART_OVERHEAD_BYTES), FieldsSeen()
    return IncomingFiles(_in_form(source, envelope, boundary.encode(), seen), envelope, seen)


def _if_image(chunks: Iterator[bytes], media_type: str, length: int | None) -> Iterator[bytes]:
    """
    Return *chunks*, the body of a client that does not say that it sends an image, if it is one by its content.

    Raises:
        NoFile: Nothing was sent, and nothing was said of it.
        UnsupportedFormat: It is something else.
    """
    may_be_one = length != 0 and not media_type.startswith("multipart/")
    head, whole = _peeked(chunks) if may_be_one else (b"", chunks)
    if sniff(head[:HEAD_BYTES]):
        return whole
    if not media_type and not head:
        raise NoFile(f"the request has no body; send a form with a field named {FIELD!r}, or the bytes of an image")
    if not media_type:
        raise UnsupportedFormat(
            f"the request has no Content-Type, and its body is no image; send {_FORM}, or an image with its type"
        )
    raise UnsupportedFormat(f"Content-Type {media_type!r} is neither {_FORM} nor an image's, and the body is no image")


def _peeked(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the beginning of *chunks*, enough to tell a format by, and all of them."""
    head = bytearray()
    while len(head) < HEAD_BYTES and (chunk := next(chunks, b"")):
        head += chunk
    return bytes(head), chain([bytes(head)] if head else [], chunks)


def idempotency_key(request: Request, otherwise: str | None = None) -> str | None:
    """
    Return what `Idempotency-Key` says, *otherwise* this.

    Raises:
        MalformedRequest: It is empty, or too long.
    """
    key = request.headers.get("Idempotency-Key", otherwise)
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


def _in_form(source: Source, envelope: Tally, boundary: bytes, seen: FieldsSeen) -> Iterator[IncomingFile]:
    for part in parts_of(_Counted(source, envelope), boundary):
        seen.note(part)
        if part.field.casefold() == _IN_THE_ADDRESS:
            # Other fields are skipped. But who skips this one shows to everybody what its sender wants to be private.
            raise MalformedRequest(
                f"{part.field[:_MAX_FIELD_CHARS]!r} is no field; say it in the URL: ?visibility=private"
            )
        if part.field == FIELD:
            yield from _if_filled(part)


def _if_filled(part: Part) -> Iterator[IncomingFile]:
    """
    *part*, unless it is what a browser sends for a field that nobody filled in (a file of no name and no bytes), or a
    text.

    Some clients send a file without a name, or as if it were a text: its bytes are as good as any.
    """
    chunks = part.chunks
    if part.name is None:
        head, chunks = _peeked(chunks)
        if not head or not (part.is_file or sniff(head[:HEAD_BYTES])):
            return
    yield IncomingFile(part.name, chunks, Announced(digests=announced_digests(part.headers)))


def _announced(request: Request) -> Announced:
    return Announced(request.content_length, announced_digests(request.headers))


def _check_length(request: Request, limit: int) -> None:
    if request.content_length is not None and request.content_length > limit:
        raise too_large(request.content_length, limit)
