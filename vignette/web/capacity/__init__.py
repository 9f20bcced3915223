"""Shares out the threads of a web process: a request that may hold one for long takes a place, or is refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, cast

from flask import Response
from werkzeug.wsgi import ClosingIterator

from vignette.limits import KIB, PLACE_PATIENCE_S
from vignette.web.capacity.places import Places, WaitingRoom
from vignette.web.capacity.shares import Shares
from vignette.web.capacity.slow_clients import Pressure, SlowClients
from vignette.web.capacity.turns import end_turn
from vignette.web.http.clients import holder_of_this_request

# The web server and the kernel take this much at once, whether the client reads it or not.
_HANDED_OVER_BYTES: Final = 256 * KIB


class Capacity:
    """
    Bounds the numbers of *uploads*, *downloads* and *waiters* at a time in this process, and shares them out among the
    clients (`places`).

    One key has at most *uploads_of_key* uploads at a time, from however many addresses; 0: any number.

    *slow_clients* ends uploads and downloads that are too slow, and the slowest of them while others wait.

    Whatever takes a place or waits for one ends its turn (`turns`) first.

    An upload or a download that finds no place becomes a waiter for at most *patience_s* seconds. So a client that
    fetches many files at once gets them one after another, and a slow client has time to give way. But a thread that
    waits serves nobody else, so the number of waiters is bounded too: one more request gets 503 at once.
    """

    def __init__(
        self,
        slow_clients: SlowClients,
        *,
        uploads: int,
        downloads: int,
        waiters: int,
        patience_s: float = PLACE_PATIENCE_S,
        uploads_of_key: int = 0,
    ) -> None:
        self.slow_clients = slow_clients
        self._room = WaitingRoom(waiters)
        self._uploads = Places("uploads", uploads, self._room, slow_clients.hurry)
        self._downloads = Places("downloads", downloads, self._room, slow_clients.hurry)
        self._patience_s = patience_s
        self.uploads_of_key = Shares("uploads-at-once", uploads_of_key)
        slow_clients.uploads = partial(_pressure, self._uploads)
        slow_clients.downloads = partial(_pressure, self._downloads)

    @classmethod
    def of_threads(cls, threads: int, slow_client_s: float, *, uploads_of_key: int = 0) -> Capacity:
        """
        Give half of the *threads* to uploads, a quarter to downloads and an eighth to waiters. The rest answers all
        other requests at once.

        With fewer than eight threads nobody waits. With fewer than three, uploads and downloads may take all of them.
        """
        return cls(
            SlowClients(slow_client_s),
            uploads=max(1, threads // 2),
            downloads=max(1, threads // 4),
            waiters=threads // 8,
            uploads_of_key=uploads_of_key,
        )

    @contextmanager
    def upload(self, identity: str | None = None) -> Iterator[None]:
        """
        Hold a place while an upload of *identity*, if anybody is known to send it, is received.

        Raises:
            QuotaExceeded: *identity* has as many as it may have at a time.
            Overloaded: All places are taken. None became free in time, or too many requests wait already.
        """
        with self.uploads_of_key.held(identity), self._held(self._uploads):
            yield

    @contextmanager
    def download(self) -> Iterator[None]:
        """
        Hold a place while a large file is read or sent.

        Raises:
            Overloaded: As with `upload`.
        """
        with self._held(self._downloads):
            yield

    def sending(self, response: Response) -> Response:
        """
        Return *response*. If it is long, or nobody knows how long, it holds a place for a download until it is closed.

        Raises:
            Overloaded: As with `upload`. *response* is then closed.
        """
        length = response.content_length
        if length is not None and length <= _HANDED_OVER_BYTES:
            return response
        holder = holder_of_this_request()
        end_turn()
        try:
            self._downloads.take(holder, self._patience_s)
        except BaseException:
            response.close()
            raise
        pieces = cast(Iterable[bytes], response.response)
        close = getattr(pieces, "close", lambda: None)
        response.response = ClosingIterator(self._watched(pieces), [close, partial(self._downloads.give_back, holder)])
        return response

    @contextmanager
    def waiter(self, wanted_s: float) -> Iterator[Callable[[], float]]:
        """
        Hold a place to wait. What this gives returns the seconds that are left of *wanted_s*: 0 if no place is free,
        and from the moment on at which a newcomer takes the place. Raises nothing.
        """
        waiter = None
        if wanted_s > 0:
            end_turn()
            with self._room.lock:
                waiter = self._room.enter(holder_of_this_request())
        ends = time.monotonic() + wanted_s

        def left_s() -> float:
            return 0 if waiter is None or waiter.called.is_set() else max(0, ends - time.monotonic())

        try:
            yield left_s
        finally:
            if waiter:
                with self._room.lock:
                    self._room.leave(waiter)

    @contextmanager
    def _held(self, places: Places) -> Iterator[None]:
        holder = holder_of_this_request()
        end_turn()
        places.take(holder, self._patience_s)
        try:
            yield
        finally:
            places.give_back(holder)

    def _watched(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        with self.slow_clients.moving():
            yield from pieces


def _pressure(places: Places) -> Pressure:
    return Pressure(places.waiting(), places.crowders())
