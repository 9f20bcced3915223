"""
A `multipart/form-data` body (RFC 7578) as a stream of parts.

Werkzeug's own form parser would spool every file to the temporary folder, to be copied from there: this hands each
chunk on as it arrives, so that it is written once, and only one file of a request is open at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData, State

from vignette.errors import MalformedRequest
from vignette.limits import CHUNK_BYTES, KIB, MIB
from vignette.web.http.parameters import file_name, parameters, text_of

# Parts that are no files (other fields of a form) count too.
_MAX_PARTS: Final = 2000

_LINE_BREAK: Final = re.compile(rb"\r\n|\n|\r")

# The headers of a part: names are bounded by `limits.MAX_NAME_CHARS`, and may be percent-encoded UTF-8. All headers of
# a form together: its parts have some two hundred bytes each. To read them takes half a second for each MiB.
_MAX_HEAD_BYTES: Final = 64 * KIB
_MAX_HEADS_BYTES: Final = 1 * MIB

# What the decoder may hold back while it looks for a boundary, or the end of a part's headers.
_MAX_BUFFER_BYTES: Final = CHUNK_BYTES + _MAX_HEAD_BYTES

_LONG_HEAD: Final = f"the headers of a part are longer than {_MAX_HEAD_BYTES:,} bytes"


@dataclass(frozen=True, slots=True)
class Part:
    """
    A part of the form. `chunks` is read before the next part is asked for; what is left of it is skipped.

    `is_file` says whether its headers call it a file: by a name, even an empty one, or by the type of an image.
    """

    field: str
    name: str | None
    is_file: bool
    chunks: Iterator[bytes]
    headers: Headers


class Body(Protocol):
    def read(self, size: int, /) -> bytes:
        """At most *size* bytes; none at the end."""


def parts_of(body: Body, boundary: bytes) -> Iterator[Part]:
    """
    The parts of *body*, in order.

    Raises:
        MalformedRequest: The body is no such form, or ends before its last boundary.
    """
    events = _events(_Decoder(boundary, _MAX_BUFFER_BYTES, max_parts=_MAX_PARTS), body)
    for event in events:
        if isinstance(event, File | Field):
            chunks = _chunks(events)
            yield _part(event.headers, chunks)
            for _ in chunks:
                pass


def _part(headers: Headers, chunks: Iterator[bytes]) -> Part:
    # Werkzeug reads the disposition too, but less of what clients write.
    found = parameters(headers["content-disposition"])
    name = file_name(found)
    media_type = headers.get("Content-Type", "").strip().lower()
    is_file = name is not None or media_type.startswith(("image/", "application/octet-stream"))
    return Part(found.get("name", ""), name or None, is_file, chunks, headers)


def _chunks(events: Iterator[Event]) -> Iterator[bytes]:
    for event in events:
        if isinstance(event, Data):
            if event.data:
                yield event.data
            if not event.more_data:
                return


def _events(decoder: _Decoder, body: Body) -> Iterator[Event]:
    while True:
        event = decoder.following()
        if isinstance(event, NeedData):
            decoder.feed(body.read(CHUNK_BYTES) or None)
            continue
        yield event
        if isinstance(event, Epilogue):
            return


class _Decoder(MultipartDecoder):
    """
    Werkzeug's decoder. It takes headers in other encodings than UTF-8, tells in our words what is wrong, and reads the
    bytes of a file in a fraction of the time.
    """

    def __init__(self, boundary: bytes, max_form_memory_size: int, *, max_parts: int) -> None:
        super().__init__(boundary, max_form_memory_size, max_parts=max_parts)
        self._mark = b"--" + boundary
        self._heads_left = _MAX_HEADS_BYTES

    def following(self) -> Event:
        try:
            return self.next_event()
        except RequestEntityTooLarge as error:
            raise _malformed(f"it has more than {_MAX_PARTS:,} parts") from error
        except ValueError as error:
            raise _malformed(self._why_no_event()) from error

    def feed(self, data: bytes | None) -> None:
        try:
            self.receive_data(data)
        except RequestEntityTooLarge as error:
            what = f"the first {_MAX_BUFFER_BYTES:,} bytes"
            raise _malformed(self._lost(what) if self.state is State.PREAMBLE else _LONG_HEAD) from error

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        if len(data) > _MAX_HEAD_BYTES:
            raise _malformed(_LONG_HEAD)
        self._heads_left -= len(data)
        if self._heads_left < 0:
            raise _malformed(f"the headers of its parts are longer than {_MAX_HEADS_BYTES:,} bytes together")
        # RFC 7578, 5.1: names of fields and files need not be UTF-8.
        return super()._parse_headers(text_of(bytes(data)).encode())

    def _parse_data(self, data: bytes | bytearray, *, start: bool) -> tuple[bytes, int, bool]:
        # Returns what Werkzeug's own returns. That searches the last chunk of each file for a line break of any kind,
        # with a regular expression, and copies each chunk three times.
        begin = len(_LINE_BREAK.match(data)[0]) if start else 0  # type: ignore[index]  # the headers end in one
        found = data.find(self._mark)
        match = None if found < 0 else self.boundary_re.search(data, max(0, found - 2))
        if match is not None:
            self.state = State.EPILOGUE if match[1].startswith(b"--") else State.PART
            return _copy(data, begin, match.start()), match.end(), False
        # A boundary may have begun at the last line break.
        tail = max(begin, len(data) - len(self._mark) - 2)
        breaks = [at for at in (data.rfind(b"\n", tail), data.rfind(b"\r", tail)) if at >= 0]
        end = min(breaks, default=len(data))
        return _copy(data, begin, end), end, True

    def _why_no_event(self) -> str:
        if not self.complete:
            return "it has a part without a Content-Disposition"
        if self.state is State.PREAMBLE:
            return self._lost("it")
        return (
            "it ends within the headers of a part"
            if self.state is State.PART
            else "it ends within a part, and its last boundary is missing"
        )

    def _lost(self, where: str) -> str:
        return f"the boundary {self.boundary[:100].decode(errors='replace')!r} of its Content-Type is not in {where}"


def _copy(data: bytes | bytearray, begin: int, end: int) -> bytes:
    with memoryview(data) as view:
        return bytes(view[begin:end])


def _malformed(why: str) -> MalformedRequest:
    return MalformedRequest(f"the body is not the form that its Content-Type says: {why}")
