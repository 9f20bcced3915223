"""
An answer that leaves before its request's body was read, and a client that is still sending it.

granian closes the connection as soon as such a request has ended. What the client sends then is answered with a reset,
and many clients never look at the answer that had come before (RFC 9112, 9.6). So the answer goes out at once, with
`Connection: close`; then what still comes of the body is read and thrown away, within bounds, before the request ends.

A layer of WSGI around all others, because any of them may answer without a look at the body.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, Any, Final

from werkzeug.wsgi import ClosingIterator

from vignette.limits import KIB, UNREAD_BODIES, UNREAD_BODY_BYTES, UNREAD_BODY_S

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# A read comes back only with all that was asked for: at the least speed that `slow_clients` allows, after 4 seconds.
_READ_BYTES: Final = 4 * KIB


class LingeringClose:
    """
    *app*, whose every answer reaches its client.

    *moving* is a context in which a client that sends nothing is cut off. At most `limits.UNREAD_BODIES` requests of a
    process linger at the same time; any more end at once.
    """

    def __init__(self, app: WSGIApplication, moving: Callable[[], AbstractContextManager[None]]) -> None:
        self._app = app
        self._moving = moving
        self._places = threading.BoundedSemaphore(UNREAD_BODIES)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        # Without a length only a server that ends the stream by itself can hand a body on.
        if not length and not (environ.get("HTTP_TRANSFER_ENCODING") and environ.get("wsgi.input_terminated")):
            return self._app(environ, start_response)
        body = environ["wsgi.input"] = _Body(environ["wsgi.input"], length or None)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
            # This header is the server's own affair (PEP 3333), and others refuse it; granian sends what it is told.
            if not body.is_read and environ.get("SERVER_SOFTWARE") == "Granian":
                headers = [*headers, ("Connection", "close")]
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        chunks = self._app(environ, start)
        # A client that asked whether to send the body (RFC 9110, 10.1.1) has its answer: it does not send it.
        if body.is_read or (body.is_untouched and "100-continue" in environ.get("HTTP_EXPECT", "").lower()):
            return chunks
        return ClosingIterator(chunks, [lambda: self._linger(body)])

    def _linger(self, body: _Body) -> None:
        if not self._places.acquire(blocking=False):
            return
        try:
            with self._moving():
                body.throw_away()
        finally:
            self._places.release()


class _Body:
    """The stream of a request's body, of *length* bytes if that was announced, which knows whether it was read."""

    def __init__(self, stream: IO[bytes], length: int | None) -> None:
        self._stream = stream
        self._left = length
        self.is_untouched = True
        self.is_read = False

    def read(self, size: int = -1, /) -> bytes:
        return self._passed(self._stream.read() if size is None or size < 0 else self._stream.read(size), size)

    def readline(self, size: int = -1, /) -> bytes:
        return self._passed(self._stream.readline(size), size)

    def readlines(self, hint: int = -1, /) -> list[bytes]:
        lines = self._stream.readlines(hint)
        self._passed(b"".join(lines), hint)
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def throw_away(self) -> None:
        """Read what is left, within the bounds of `limits`."""
        deadline = time.monotonic() + UNREAD_BODY_S
        thrown_away = 0
        while not self.is_read and thrown_away < UNREAD_BODY_BYTES and time.monotonic() < deadline:
            # A stream that its server does not end must not be asked for more than there is.
            thrown_away += len(self.read(_READ_BYTES if self._left is None else min(_READ_BYTES, self._left)))

    def _passed(self, chunk: bytes, size: int) -> bytes:
        self.is_untouched = False
        if self._left is not None:
            self._left -= len(chunk)
        self.is_read = self.is_read or self._left == 0 or (not chunk and size != 0)
        return chunk
