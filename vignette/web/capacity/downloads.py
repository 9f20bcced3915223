"""Files that go out piece by piece: each holds a thread for as long as its client takes to read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, cast

from flask import Response
from werkzeug.wsgi import ClosingIterator

from vignette.errors import Overloaded
from vignette.limits import KIB
from vignette.web.capacity.places import Places
from vignette.web.capacity.slow_clients import SlowClients

# Web server and kernel take that much at once, whether the client reads it or not.
_HANDED_OVER_BYTES: Final = 256 * KIB

# How long a download waits for its place: others end sooner than that, unless nobody reads them.
_PATIENCE_S: Final = 1.0


class Downloads:
    """*places* is how many of the large files a process sends at the same time; who reads nothing loses his."""

    def __init__(self, slow_clients: SlowClients, places: int) -> None:
        self._slow_clients = slow_clients
        self._places = Places("downloads", places)

    def in_a_place(self, response: Response) -> Response:
        """
        *response*, whose pieces have a place if they are many, until it is closed.

        Raises:
            Overloaded: All places are taken. *response* is closed.
        """
        if (response.content_length or 0) <= _HANDED_OVER_BYTES:
            return response
        try:
            self._places.take(_PATIENCE_S)
        except Overloaded:
            response.close()
            raise
        pieces = cast(Iterable[bytes], response.response)
        close = getattr(pieces, "close", lambda: None)
        response.response = ClosingIterator(self._watched(pieces), [close, self._places.give_back])
        return response

    def _watched(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        with self._slow_clients.moving():
            yield from pieces
