"""Refusals by the thousand: one answer, made once, for a layer of WSGI that refuses in front of the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from vignette.web.http.foreign_readers import ForeignReaders, letting_read
from vignette.web.request_log import note_problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_VARY: Final = ("Vary", "Origin")


class Refusal:
    """
    An application that answers each request by the same bytes, as *app* refuses a request with *marker* in its environ.
    To make them anew would cost what a page costs. *code* is that of the problem. Pages of other sites that are among
    the *readers* may read it; their preflights are answered, as a browser tells a page nothing of one that is refused.
    """

    def __init__(self, app: WSGIApplication, marker: str, code: str, readers: ForeignReaders | None = None) -> None:
        self._readers = readers or ForeignReaders()
        self._app = app
        self._marker = marker
        self._code = code
        self._answer: tuple[str, list[tuple[str, str]], bytes] | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if (allowed := self._readers.beforehand(environ)) is not None:
            start_response("204 No Content", [*allowed, _VARY])
            return [b""]
        if self._answer is None:
            self._answer = self._made(environ)
        status, headers, body = self._answer
        note_problem(environ, self._code)
        origin = self._readers.of_a_refusal(environ)
        start_response(status, [*headers, *([] if origin is None else [*letting_read(origin), _VARY])])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def _made(self, environ: WSGIEnvironment) -> tuple[str, list[tuple[str, str]], bytes]:
        """Have the application refuse the request of a program, in the place of the one of *environ*."""
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _exc_info: Any = None, /) -> Any:
            started.append((status, headers))

        asked = {name: value for name, value in environ.items() if not name.startswith("HTTP_") or name == "HTTP_HOST"}
        # Some servers take the latter from a header of this one client.
        asked |= {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", self._marker: True}
        chunks = self._app(asked, start)
        try:
            return (*started[0], b"".join(chunks))
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
