"""
A way round Flask for the most frequent request: the vignette of a ready image.

This WSGI layer keeps the application's own answers, and gives them again to the same question: same path, query and
`Accept`. So negotiation, names, headers and tags are written only once: a change in `web/routes/vignettes.py` is a
change here too. The layer leaves to the application everything else that may change an answer (ranges, conditions other
than the one tag that was given), and every request for anything but a settled vignette.

An answer holds as long as the image's folder stays as it was. The layer asks for the folder's edition each time
(`ports.store.Editions`). That is enough, because the folder is the truth, whichever process changes it:

* A deletion renames its tombstone into the folder before it is answered 204, so no old answer comes after that. A
  worker that still renders the image may bring a vignette back, but never the old edition.
* A verdict is in the folder (`outcome.json`) before it is in the catalogue: an image that fails has another edition.
* A vignette that is made anew, or taken away, is another edition too.
* An image that waits to be rendered again still has the vignettes that it had.

Each answer goes out with a list of headers of its own, because a server or a layer in front of this one may change
that list in any way (PEP 3333), for example by a cookie for this one client. The body is in a list, because granian
hands a list over whole, and anything else piece by piece, which costs a seventh of the requests.

An answer that no longer holds is dropped when it is asked for. Nobody may ever ask for a deleted image again. So once a
minute the first request, whatever it asks for, looks through all answers: the memory of a process keeps no deleted
image for longer.

It keeps what everybody may see, and nothing else: the view says so of its answer. Who shows a key is answered by the
application, and so is who comes by a signed link: the view settles no such answer, however the link is written, and the
layer does not look for one. An image that is made private gets another edition after its row has changed, so what was
kept is dropped.

The layer keeps an answer only if the application called it settled (the catalogue said ready). It is that of the
edition that the folder had before the application looked: if the folder changed meanwhile, it is never given.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any, Final

from werkzeug.http import remove_entity_headers

from vignette.access.links import SIGNATURE
from vignette.limits import KIB, MIB
from vignette.model import ImageId

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# A view sets this in the environ, to the number of the image: everybody gets this answer until the folder changes.
SETTLED: Final = "vignette.settled"

# For all kept answers of a process together: some thousand small vignettes.
_MAX_KEPT_BYTES: Final = 16 * MIB
_MAX_BODY_BYTES: Final = 512 * KIB

# What an answer takes beside its body: headers, key, the dictionary's entry. Measured: 3 KiB.
_OVERHEAD_BYTES: Final = 3 * KIB

# With this many seconds between two looks through all answers, each of which costs a `stat`.
_LOOK_EVERY_S: Final = 60.0

_PATH: Final = re.compile(r"/vignette/(0|[1-9][0-9]{0,17})", re.ASCII)

# Public names whose numbers a process remembers, at 200 bytes each.
_MOST_NAMES: Final = 10_000

# Conditions and ranges: only the application knows what they mean.
_INTRICATE: Final = frozenset(
    {"HTTP_RANGE", "HTTP_IF_RANGE", "HTTP_IF_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"}
)

_Headers = list[tuple[str, str]]
_Key = tuple[str, str, str | None]


class _Answer:
    """A kept answer, given with its body (200) or without (304). `_make_room` resets `was_given`."""

    __slots__ = ("body", "edition", "etag", "headers", "headers_304", "image_id", "size", "was_given")

    def __init__(self, image_id: ImageId, edition: Hashable, headers: _Headers, body: bytes) -> None:
        self.image_id = image_id
        self.edition = edition
        # The server says the time of each answer itself.
        self.headers = [(name, value) for name, value in headers if name.lower() != "date"]
        self.headers_304 = list(self.headers)
        remove_entity_headers(self.headers_304)
        self.etag = next((value for name, value in headers if name.lower() == "etag"), None)
        self.body = body
        self.size = 0
        self.was_given = False


class FastPath:
    """
    A WSGI layer that keeps the settled vignettes of *app*. Safe to share between threads.

    *edition_of* is the `edition` of the store.
    """

    def __init__(
        self,
        app: WSGIApplication,
        edition_of: Callable[[ImageId], Hashable | None],
        *,
        max_kept_bytes: int = _MAX_KEPT_BYTES,
        look_every_s: float = _LOOK_EVERY_S,
    ) -> None:
        self._app = app
        self._edition_of = edition_of
        self._answers: dict[_Key, _Answer] = {}
        self._named: dict[str, ImageId] = {}
        self._max_kept_bytes = max_kept_bytes
        self._kept_bytes = 0
        self._look_every_s = look_every_s
        self._look_at = 0.0
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if (now := time.monotonic()) >= self._look_at:
            self._look_at = now + self._look_every_s
            self._forget_what_no_longer_holds()
        path: str = environ["PATH_INFO"]
        method: str = environ["REQUEST_METHOD"]
        query: str = environ.get("QUERY_STRING", "")
        if (
            not path.startswith("/vignette/")
            or method not in ("GET", "HEAD")
            or "HTTP_AUTHORIZATION" in environ
            or SIGNATURE in query
        ):
            return self._app(environ, start_response)
        key = (path, query, environ.get("HTTP_ACCEPT"))
        answer = self._answers.get(key)
        if answer is None:
            return self._ask(key, environ, start_response)
        if self._edition_of(answer.image_id) != answer.edition:
            self._forget(key)
            return self._ask(key, environ, start_response)
        if not environ.keys().isdisjoint(_INTRICATE):
            return self._app(environ, start_response)
        condition = environ.get("HTTP_IF_NONE_MATCH")
        if condition is not None and condition != answer.etag:
            return self._app(environ, start_response)
        answer.was_given = True
        if condition is not None:
            start_response("304 NOT MODIFIED", list(answer.headers_304))
            return []
        start_response("200 OK", list(answer.headers))
        return [answer.body] if method == "GET" else []

    def _ask(self, key: _Key, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Return the application's answer, and keep it if it may be kept."""
        image_id = self._image_at(key[0])
        # Of an image whose number is not known yet the next answer is kept.
        edition = None if image_id is None else self._edition_of(image_id)
        started: list[tuple[str, _Headers]] = []

        def note(status: str, headers: _Headers, exc_info: Any = None, /) -> Any:
            started[:] = [(status, list(headers))]
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        chunks = self._app(environ, note)
        settled: ImageId | None = environ.get(SETTLED)
        if settled is None or environ["REQUEST_METHOD"] != "GET" or not started:
            return chunks
        if edition is None or settled != image_id:
            self._remember(key[0], settled)
            return chunks
        status, headers = started[0]
        if status != "200 OK" or not isinstance(chunks, Iterable):
            return chunks
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        if len(body) <= _MAX_BODY_BYTES:
            self._keep(key, _Answer(settled, edition, headers, body))
        return [body]

    def _image_at(self, path: str) -> ImageId | None:
        """Return the number of the image that *path* names, as far as it is known."""
        match = _PATH.fullmatch(path)
        return ImageId(int(match[1])) if match else self._named.get(path)

    def _remember(self, path: str, image_id: ImageId) -> None:
        """Remember which image *path* names; a public name is never that of another."""
        with self._lock:
            self._named[path] = image_id
            if len(self._named) > _MOST_NAMES:
                del self._named[next(iter(self._named))]

    def _keep(self, key: _Key, answer: _Answer) -> None:
        answer.size = len(answer.body) + sum(len(part or "") for part in key) + _OVERHEAD_BYTES
        with self._lock:
            self._drop(key)
            self._answers[key] = answer
            self._kept_bytes += answer.size
            while self._kept_bytes > self._max_kept_bytes:
                self._make_room()

    def _make_room(self) -> None:
        """Drop the oldest answer; but if it was given since it last came up, move it behind the newest instead."""
        key = next(iter(self._answers))
        answer = self._answers[key]
        if answer.was_given:
            answer.was_given = False
            self._answers[key] = self._answers.pop(key)
        else:
            self._drop(key)

    def _forget_what_no_longer_holds(self) -> None:
        with self._lock:
            kept = list(self._answers.items())
        for key, answer in kept:
            if self._edition_of(answer.image_id) != answer.edition:
                self._forget(key)

    def _forget(self, key: _Key) -> None:
        with self._lock:
            self._drop(key)

    def _drop(self, key: _Key) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._kept_bytes -= answer.size
