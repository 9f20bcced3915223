"""
Which pages of other sites may read what (the Fetch standard, "HTTP cors protocol"), as far as that can be told of a
request before anybody has looked at its key.

A page that may not read an answer hears of a network that failed, and never of `Retry-After`. So a refusal that says
nothing of the key may be read by pages of each origin that some key or ticket names. A browser is told that much of an
origin anyway, when it asks first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from vignette.errors import CatalogueUnavailable
from vignette.web.http.hosts import FOREIGN_HOST

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Headers = list[tuple[str, str]]

# A change of the origins counts at once for requests with a key or a ticket, and after this long for all else.
_KEPT_S: Final = 5.0

# For so long a browser need not ask again.
_MAX_AGE_S: Final = 600

_ORIGIN: Final = "HTTP_ORIGIN"
_ASKED_BY: Final = "HTTP_ACCESS_CONTROL_REQUEST_METHOD"
_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
_HEADERS_OF_UPLOADS: Final = (
    "Accept, Authorization, Content-Digest, Content-Disposition, Content-Type, Idempotency-Key, Repr-Digest"
)
_HEADERS: Final = f"{_HEADERS_OF_UPLOADS}, If-Match, If-None-Match, Prefer, Range"
_EXPOSED: Final = (
    "Location, Link, ETag, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate, Content-Digest, Delete-Token"
)


class KnownOrigins:
    """
    Those that *read* returns, remembered for some seconds, and longer while the catalogue cannot be asked. Safe to
    share between threads.
    """

    def __init__(
        self, read: Callable[[], Collection[str]] = frozenset, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Collection[str] = frozenset()
        self._until = -1.0

    def __contains__(self, origin: object) -> bool:
        with self._lock:
            if self._clock() >= self._until:
                with suppress(CatalogueUnavailable):
                    self._known = frozenset(self._read())
                self._until = self._clock() + _KEPT_S
        return origin in self._known


@dataclass(frozen=True, slots=True)
class ForeignReaders:
    """The origins that valid keys name, and those that tickets name: the latter are for uploads alone, by POST."""

    of_keys: KnownOrigins = field(default_factory=KnownOrigins)
    of_tickets: KnownOrigins = field(default_factory=KnownOrigins)

    def of_a_refusal(self, environ: WSGIEnvironment) -> str | None:
        """Return the origin whose page may read that its request was refused before its key was looked at."""
        origin = environ.get(_ORIGIN)
        if origin is None or FOREIGN_HOST in environ:
            return None
        if origin in self.of_keys or (environ["REQUEST_METHOD"] == "POST" and origin in self.of_tickets):
            return str(origin)
        return None

    def beforehand(self, environ: WSGIEnvironment) -> Headers | None:
        """
        Return the headers of an answer to a preflight, for whom nothing else can be found out; None if *environ* is of
        none, or if no page of its origin may do what it asks for.
        """
        origin = environ.get(_ORIGIN)
        if not is_preflight(environ) or origin is None or FOREIGN_HOST in environ:
            return None
        if origin in self.of_keys:
            return allowing(origin)
        return allowing_uploads(origin) if asks_to_post(environ) and origin in self.of_tickets else None


def is_preflight(environ: WSGIEnvironment) -> bool:
    """Whether a browser asks what a page may do, before it does it."""
    return environ["REQUEST_METHOD"] == "OPTIONS" and _ASKED_BY in environ


def asks_to_post(environ: WSGIEnvironment) -> bool:
    """Whether a preflight asks for what is done with a ticket."""
    return bool(environ[_ASKED_BY] == "POST")


def allowing(origin: str) -> Headers:
    """Return what tells a browser that a page of this *origin* may use its key."""
    return _allowing(origin, _METHODS, _HEADERS)


def allowing_uploads(origin: str) -> Headers:
    """Return what tells a browser that a page of this *origin* may use its ticket."""
    return _allowing(origin, "POST", _HEADERS_OF_UPLOADS)


def letting_read(origin: str) -> Headers:
    """Return what lets a page of this *origin* read the answer. It stands beside `Vary: Origin`."""
    return [("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", _EXPOSED)]


def _allowing(origin: str, methods: str, headers: str) -> Headers:
    return [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Methods", methods),
        ("Access-Control-Allow-Headers", headers),
        ("Access-Control-Max-Age", str(_MAX_AGE_S)),
    ]
