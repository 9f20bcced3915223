"""
A `multipart/form-data` body (RFC 7578) as a stream of files.

Werkzeug's own form parser would spool every file to the temporary folder, to be copied from there: this hands each
chunk on as it arrives, so that it is written once, and only one file of a request is open at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from vignette.errors import MalformedRequest
from vignette.limits import CHUNK_BYTES, MIB

# Parts that are no files (other fields of a form) count too.
_MAX_PARTS: Final = 2000

# What the decoder may hold back while it looks for a boundary, or the end of a part's headers.
_MAX_BUFFER_BYTES: Final = 2 * MIB


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file of the form. `chunks` is read before the next part is asked for; what is left of it is skipped."""

    field: str
    name: str | None
    chunks: Iterator[bytes]
    headers: Headers


class Body(Protocol):
    def read(self, size: int, /) -> bytes:
        """At most *size* bytes; none at the end."""


def file_parts(body: Body, boundary: bytes) -> Iterator[FilePart]:
    """
    The files in *body*, in order; other fields are skipped.

    Raises:
        MalformedRequest: The body is no such form, or ends before its last boundary.
    """
    decoder = MultipartDecoder(boundary, max_form_memory_size=_MAX_BUFFER_BYTES, max_parts=_MAX_PARTS)
    events = _events(decoder, body)
    for event in events:
        if isinstance(event, File):
            chunks = _chunks(events)
            yield FilePart(event.name, event.filename or None, chunks, event.headers)
            for _ in chunks:
                pass


def _chunks(events: Iterator[File | Field | Data | Epilogue]) -> Iterator[bytes]:
    for event in events:
        if isinstance(event, Data):
            yield event.data
            if not event.more_data:
                return


def _events(decoder: MultipartDecoder, body: Body) -> Iterator[File | Field | Data | Epilogue]:
    while True:
        try:
            event = decoder.next_event()
            if isinstance(event, NeedData):
                decoder.receive_data(body.read(CHUNK_BYTES) or None)
                continue
        except (ValueError, RequestEntityTooLarge) as error:
            raise MalformedRequest(f"the body is not the form that its Content-Type says: {error}") from error
        if isinstance(event, File | Field | Data | Epilogue):
            yield event
        if isinstance(event, Epilogue):
            return
