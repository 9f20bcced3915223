"""Shares out the threads of a web process: a request that may hold one for long takes a place, or is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, cast

from flask import Response
from werkzeug.wsgi import ClosingIterator

from vignette.limits import KIB
from vignette.web.capacity.places import Places
from vignette.web.capacity.slow_clients import SlowClients

# The web server and the kernel take this much at once, whether the client reads it or not.
_HANDED_OVER_BYTES: Final = 256 * KIB

# How long a download waits for a place. Other downloads end sooner than that, unless their clients do not read.
_PATIENCE_S: Final = 1.0


class Capacity:
    """
    Bounds the numbers of *uploads*, *downloads* and *waiters* at a time in this process.

    *slow_clients* ends uploads and downloads in which next to nothing moves.

    A download that finds no place becomes a waiter for at most *patience_s* seconds. So a client that fetches many
    files at once gets them one after another. But a thread that waits serves nobody else, and if the clients in all
    places read nothing, it waits in vain. So the number of waiters is bounded too: one more request gets 503 at once.
    """

    def __init__(
        self,
        slow_clients: SlowClients,
        *,
        uploads: int,
        downloads: int,
        waiters: int,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self.slow_clients = slow_clients
        self._uploads = Places("uploads", uploads)
        self._downloads = Places("downloads", downloads)
        self._waiters = Places("waiters", waiters)
        self._patience_s = patience_s

    @classmethod
    def of_threads(cls, threads: int, slow_client_s: float) -> Capacity:
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
        )

    @contextmanager
    def upload(self) -> Iterator[None]:
        """
        Hold a place while an upload is received.

        Raises:
            Overloaded: All places are taken.
        """
        if not self._uploads.try_take():
            raise self._uploads.overloaded()
        try:
            yield
        finally:
            self._uploads.give_back()

    @contextmanager
    def download(self) -> Iterator[None]:
        """
        Hold a place while a large file is read or sent.

        Raises:
            Overloaded: All places are taken. None became free in time, or too many requests wait already.
        """
        self._take_download()
        try:
            yield
        finally:
            self._downloads.give_back()

    def sending(self, response: Response) -> Response:
        """
        Return *response*. If it is long, it holds a place for a download until it is closed.

        Raises:
            Overloaded: As with `download`. *response* is then closed.
        """
        if (response.content_length or 0) <= _HANDED_OVER_BYTES:
            return response
        try:
            self._take_download()
        except BaseException:
            response.close()
            raise
        pieces = cast(Iterable[bytes], response.response)
        close = getattr(pieces, "close", lambda: None)
        response.response = ClosingIterator(self._watched(pieces), [close, self._downloads.give_back])
        return response

    @contextmanager
    def waiter(self, wanted_s: float) -> Iterator[float]:
        """Hold a place to wait, and give the seconds to wait: *wanted_s*, or 0 if no place is free. Raises nothing."""
        is_taken = wanted_s > 0 and self._waiters.try_take()
        try:
            yield wanted_s if is_taken else 0
        finally:
            if is_taken:
                self._waiters.give_back()

    def _take_download(self) -> None:
        if self._downloads.try_take():
            return
        with self.waiter(self._patience_s) as patience_s:
            if not self._downloads.try_take(patience_s):
                raise self._downloads.overloaded()

    def _watched(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        with self.slow_clients.moving():
            yield from pieces
