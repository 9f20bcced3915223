"""The threads of a web process, shared out: what may hold one for long has a place, or is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, cast

from flask import Response
from werkzeug.wsgi import ClosingIterator

from vignette.limits import KIB
from vignette.web.capacity.places import Places
from vignette.web.capacity.slow_clients import SlowClients

# Web server and kernel take that much at once, whether the client reads it or not.
_HANDED_OVER_BYTES: Final = 256 * KIB

# How long a download waits for a place: others end sooner than that, unless nobody reads them.
_PATIENCE_S: Final = 1.0


class Capacity:
    """
    At most so many *uploads*, *downloads* and *waiters* at a time in this process.

    *slow_clients* ends uploads and downloads in which next to nothing moves. A download that finds no place waits for
    one, which makes it a waiter, for *patience_s* at most: so a client that fetches many files at once is served, one
    after the other. But a thread that waits is as lost for others as one that sends, and with deaf clients in all
    places it would wait in vain. So the number of waiters is bounded too, and beyond it the answer is 503 at once.
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
        Half of the *threads* take uploads, a quarter sends files, an eighth waits: the others answer everybody else at
        once, whatever these do. With fewer than eight threads nobody waits, and with fewer than three none is left.
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
        A place to receive an upload.

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
        A place to read a large file, or to send one.

        Raises:
            Overloaded: All places are taken. None has become free in time, or too many wait already.
        """
        self._take_download()
        try:
            yield
        finally:
            self._downloads.give_back()

    def sending(self, response: Response) -> Response:
        """
        *response*, with a place for as long as its pieces are sent, if they are many.

        Raises:
            Overloaded: As with `download`. *response* is closed.
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
        """A place to wait, for *wanted_s*; 0 seconds where there is none: to wait is a wish."""
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
