"""
A line in the log for each request, when its answer is done.

It stands round all other layers, so that it sees what each of them answers: refusals of the first door, answers that
are kept, and clients that went away. The lines are made here by hand, and go round `logging`: an answer that is kept
costs some 16 µs of processor time, and `logging` would cost more than that again.

Of a request stands in the log who asked what: never its query or its headers, which may hold secrets.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from vignette.lines import REQUEST, Batches, quoted, time_text
from vignette.model import LogFormat

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# In the environ: the `Entry` of the request. A layer that hands a copy of the environ on hands on the same entry.
ENTRY: Final = "vignette.entry"

# In the environ, set by a layer that knows the proxies in front of us: the address of the client.
_CLIENT: Final = "vignette.client"

_MOST_CHARS_OF_A_PATH: Final = 200
_MOST_CHARS_OF_OTHERS: Final = 64

# What is said of so many answers is kept, if their paths are no longer than this: a megabyte or two.
_MOST_KEPT: Final = 2048
_MOST_CHARS_OF_A_KEPT_PATH: Final = 64

# A secret in a path, as that of a ticket's page: the log has its kind alone (`access.secrets`).
_TOKEN: Final = re.compile(r"(v[a-z]_)[A-Za-z0-9_]+")

_IMAGE: Final = re.compile(r"/(?:vignette|images)/([0-9]{1,18})(?:/|\Z)", re.ASCII)

# Probes come every few seconds, and tell nothing as long as all is well.
PROBES: Final = frozenset({"/healthz", "/readyz"})

# REMOTE_ADDR with the port, as some servers give it: the address stands before it.
_WITH_PORT: Final = re.compile(r"(?:([0-9.]+)|\[([0-9A-Fa-f:.%a-z]+)\]):[0-9]+", re.ASCII)


class Entry:
    """
    What the log will say of a request, as far as it is known, in the place of the server's `start_response`. `problem`
    is the code of the problem in its answer, `key` the id of the key that was shown, `ticket` that of the ticket.
    """

    __slots__ = ("_start", "began_ns", "headers", "key", "problem", "request", "status", "ticket")

    def __init__(self, request: str, start_response: StartResponse) -> None:
        self.request = request
        self.began_ns = time.perf_counter_ns()
        self.status = "500"
        self.headers: list[tuple[str, str]] = []
        self.problem = ""
        self.key = ""
        self.ticket = ""
        self._start = start_response

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
        self.status = status[:3]
        self.headers = headers
        return self._start(status, headers, exc_info) if exc_info else self._start(status, headers)


def note_problem(environ: WSGIEnvironment, code: str) -> None:
    """Have the log say that the request is answered with the problem of this *code*."""
    entry = environ.get(ENTRY)
    if entry is not None:
        entry.problem = code


def note_key(environ: WSGIEnvironment, key_id: str) -> None:
    """Have the log say that the request came with the key of this id."""
    entry = environ.get(ENTRY)
    if entry is not None:
        entry.key = key_id


def note_ticket(environ: WSGIEnvironment, ticket_id: str) -> None:
    """Have the log say that the request came with the ticket of this id."""
    entry = environ.get(ENTRY)
    if entry is not None:
        entry.ticket = ticket_id


def without_tokens(path: str) -> str:
    """Return *path* as it may stand in a log."""
    return _TOKEN.sub(r"\1...", path)


class RequestLog:
    """A WSGI layer round *app*, which gives each line to *write*. Safe to share between threads."""

    def __init__(
        self, app: WSGIApplication, log_format: LogFormat, *, write: Callable[[str], object] | None = None
    ) -> None:
        self._app = app
        self._line, self._rest = (_json, _json_rest) if log_format == "json" else (_text, _text_rest)
        self._kept_rest = lru_cache(_MOST_KEPT)(self._rest)
        self._write = Batches().write if write is None else write
        self._begin_to_count()
        os.register_at_fork(after_in_child=self._begin_to_count)

    def _begin_to_count(self) -> None:
        """Identifiers differ between processes, and between starts of a service."""
        self._prefix = os.urandom(4).hex()
        self._numbers = itertools.count(1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        entry = Entry(f"{self._prefix}-{next(self._numbers)}", start_response)
        environ[ENTRY] = entry
        REQUEST.set(entry.request)
        try:
            chunks = self._app(environ, entry)
        except BaseException:
            self._end(environ, entry, 0, is_cut=True)
            raise
        if isinstance(chunks, list):  # granian hands a list over whole, and anything else piece by piece
            self._end(environ, entry, len(chunks[0]) if len(chunks) == 1 else sum(map(len, chunks)))
            return chunks
        return _Watched(chunks, lambda sent, is_cut: self._end(environ, entry, sent, is_cut=is_cut))

    def _end(self, environ: WSGIEnvironment, entry: Entry, sent: int, *, is_cut: bool = False) -> None:
        path = environ["PATH_INFO"]
        if entry.status == "200" and path in PROBES:
            return
        took_ns = time.perf_counter_ns() - entry.began_ns
        is_cut = is_cut and sent < _announced(entry.headers)
        # The same is said over and over of few answers, and all but the ends of a line costs the most to say.
        rest_of = self._kept_rest if len(path) <= _MOST_CHARS_OF_A_KEPT_PATH else self._rest
        rest = rest_of(
            environ["REQUEST_METHOD"][:_MOST_CHARS_OF_OTHERS],
            path,
            entry.status,
            sent,
            entry.problem,
            entry.key,
            entry.ticket,
            is_cut,
        )
        level = "error" if entry.status[0] == "5" else "info"
        self._write(self._line(level, entry.request, _client(environ), took_ns / 1e6, rest))


class _Watched:
    """*chunks*, and a call of *ended* at their end: with the bytes that went out, and whether there were to be more."""

    def __init__(self, chunks: Iterable[bytes], ended: Callable[[int, bool], object]) -> None:
        self._chunks = chunks
        self._iterator = iter(chunks)
        self._ended: Callable[[int, bool], object] | None = ended
        self._sent = 0
        self._is_cut = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self._iterator)
        except StopIteration:
            self._is_cut = False
            raise
        self._sent += len(chunk)
        return chunk

    def close(self) -> None:
        try:
            close = getattr(self._chunks, "close", None)
            if close is not None:
                close()
        finally:
            ended, self._ended = self._ended, None
            if ended is not None:
                ended(self._sent, self._is_cut)


def _announced(headers: list[tuple[str, str]]) -> int:
    """The `Content-Length` among *headers*; without one, more than anybody has sent."""
    return next((int(value) for name, value in headers if name.lower() == "content-length"), 1 << 62)


def _text(level: str, request: str, client: str, took_ms: float, rest: str) -> str:
    return f"{time_text(time.time())} {level:7} request request={request} client={client} ms={took_ms:.2f}{rest}"


def _text_rest(
    method: str, path: str, status: str, sent: int, problem: str, key: str, ticket: str, is_cut: bool
) -> str:
    image = _IMAGE.match(path)
    rest = f" method={quoted(method)} path={_shown(path)} status={status} bytes={sent}"
    if image:
        rest += f" image={image[1]}"
    if problem:
        rest += f" problem={problem}"
    if key:
        rest += f" key={key}"
    if ticket:
        rest += f" ticket={ticket}"
    return f"{rest} cut=True" if is_cut else rest


def _json(level: str, request: str, client: str, took_ms: float, rest: str) -> str:
    return (
        f'{{"time": "{time_text(time.time())}", "level": "{level}", "event": "request", "request": "{request}",'
        f' "client": {_string(client)}, "ms": {took_ms:.2f}, {rest}}}'
    )


def _json_rest(
    method: str, path: str, status: str, sent: int, problem: str, key: str, ticket: str, is_cut: bool
) -> str:
    values = {"method": method, "path": _cut(path), "status": int(status), "bytes": sent}
    if image := _IMAGE.match(path):
        values["image"] = int(image[1])
    if problem:
        values["problem"] = problem
    if key:
        values["key"] = key
    if ticket:
        values["ticket"] = ticket
    if is_cut:
        values["cut"] = True
    return json.dumps(values)[1:-1]


def _string(shown: str) -> str:
    """Return *shown*, which is plain or a string of JSON, as a string of JSON."""
    return shown if shown[:1] == '"' else f'"{shown}"'


def _shown(path: str) -> str:
    return quoted(_cut(path))


def _cut(path: str) -> str:
    """
    Return *path* as its sender meant it: WSGI gives its bytes as Latin-1 (PEP 3333).

    What is escaped takes up to six times as many bytes as it has characters.
    """
    path = without_tokens(path)
    cut = path if len(path) <= _MOST_CHARS_OF_A_PATH else f"{path[:_MOST_CHARS_OF_A_PATH]}..."
    return cut if cut.isascii() else cut.encode("latin-1", "backslashreplace").decode("utf-8", "replace")


def _client(environ: WSGIEnvironment) -> str:
    return _address((environ.get(_CLIENT) or environ.get("REMOTE_ADDR") or "-")[:_MOST_CHARS_OF_OTHERS])


@lru_cache(maxsize=1024)
def _address(address: str) -> str:
    match = _WITH_PORT.fullmatch(address)
    return quoted((match[1] or match[2]) if match else address)
