"""
Shares out the processor time of a web process: a request for a page, a list or a fact takes a turn, or waits for one.

Such an answer is all processor time, and the interpreter runs one thread at a time. If a process made all of them at
once, none would be ready sooner, and an upload beside them would wait for all of them at each of its steps. So a
process makes one at a time; the next one is for another client, if another client waits.

This is a layer of WSGI inside the one that gives kept vignettes, which cost next to nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from flask import Flask, has_request_context, request

from vignette.errors import Overloaded
from vignette.limits import TURN_PATIENCE_S, TURNS, TURNS_WAITED_FOR
from vignette.web.capacity.places import Places, WaitingRoom
from vignette.web.capacity.refusals import Refusal
from vignette.web.http.clients import CLIENT, holder_of
from vignette.web.http.foreign_readers import ForeignReaders
from vignette.web.request_log import PROBES

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# In the environ of a request: its `_Turn`, or that it has none.
_TURN: Final = "vignette.turn"
_REFUSED: Final = "vignette.no_turn"


class Turns:
    """
    *app*, which answers *count* requests at a time; *waiting* more wait for at most *patience_s* seconds.

    All others are answered 503, always by the same bytes (`refusals`), which *readers* may read. *app* was given to
    `refuse_without_a_turn`. Safe to share between threads.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        count: int = TURNS,
        waiting: int = TURNS_WAITED_FOR,
        patience_s: float = TURN_PATIENCE_S,
        readers: ForeignReaders | None = None,
    ) -> None:
        self._app = app
        self._places = Places("requests", count, WaitingRoom(waiting))
        self._patience_s = patience_s
        self._refuse = Refusal(app, _REFUSED, Overloaded.code, readers)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] in PROBES:  # whoever asks must not take a busy service for a dead one
            return self._app(environ, start_response)
        holder = holder_of(environ.get(CLIENT) or environ.get("REMOTE_ADDR") or "")
        try:
            self._places.take(holder, self._patience_s)
        except Overloaded:
            return self._refuse(environ, start_response)
        turn = environ[_TURN] = _Turn(self._places, holder)
        try:
            return self._app(environ, start_response)
        finally:
            turn.end()


class _Turn:
    def __init__(self, places: Places, holder: str) -> None:
        self._is_over = threading.Lock()
        self._places = places
        self._holder = holder

    def end(self) -> None:
        """Let the next one have it. Repeating this does nothing."""
        if self._is_over.acquire(blocking=False):
            self._places.give_back(self._holder)


def end_turn() -> None:
    """End the turn of Flask's request at hand, if it has one: it begins to wait for something but the processor."""
    turn = request.environ.get(_TURN) if has_request_context() else None
    if turn is not None:
        turn.end()


def refuse_without_a_turn(app: Flask) -> None:
    """Have *app* refuse what `Turns` has no turn for."""

    def refuse() -> None:
        if _REFUSED in request.environ:
            raise Overloaded("too many requests wait for their turn")

    app.before_request(refuse)
