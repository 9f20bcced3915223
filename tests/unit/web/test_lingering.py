"""What becomes of a body whose answer leaves first, under any WSGI server; under granian: test_early_refusals.py."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from vignette.limits import MIB, UNREAD_BODIES, UNREAD_BODY_BYTES
from vignette.web.http.lingering import LingeringClose


class Stream(io.BytesIO):
    """A body of *size* bytes. Whoever asks a socket for more than it brings waits for ever: here that is an error."""

    def __init__(self, size: int) -> None:
        super().__init__(bytes(size))

    def read(self, size: int | None = -1, /) -> bytes:
        left = len(self.getvalue()) - self.tell()
        assert size is not None
        assert 0 <= size <= left, f"{size} bytes asked for, {left} are left"
        return super().read(size)


def ask(
    stream: io.BytesIO,
    length: int | None,
    *,
    read: Callable[[Any], object] = lambda _: None,
    app: LingeringClose | None = None,
    **environ: object,
) -> dict[str, str]:
    """Send *stream* to an application that reads of it what *read* does; the headers of its answer."""

    def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        read(environ["wsgi.input"])
        start("404 NOT FOUND", [("Content-Type", "text/plain")])
        return [b"no"]

    given = EnvironBuilder("/nowhere", method="POST").get_environ() | {"wsgi.input": stream} | environ
    given.pop("CONTENT_LENGTH", None)
    if length is not None:
        given["CONTENT_LENGTH"] = str(length)
    chunks, status, headers = run_wsgi_app(app or LingeringClose(answer, nullcontext), given, buffered=True)
    assert (b"".join(chunks), status) == (b"no", "404 NOT FOUND")
    return dict(headers)


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, MIB])
def test_of_a_stream_that_its_server_does_not_end_nothing_is_asked_for_that_is_not_there(size: int) -> None:
    stream = Stream(size)

    ask(stream, size)

    assert stream.tell() == size


def test_a_body_without_a_length_is_left_alone_unless_the_server_ends_it() -> None:
    endless, ended = io.BytesIO(bytes(10_000)), io.BytesIO(bytes(10_000))

    ask(endless, None, HTTP_TRANSFER_ENCODING="chunked")
    ask(ended, None, HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input_terminated": True})

    assert (endless.tell(), ended.tell()) == (0, 10_000)


def test_only_a_bounded_part_is_read() -> None:
    stream = io.BytesIO(bytes(UNREAD_BODY_BYTES + MIB))

    ask(stream, UNREAD_BODY_BYTES + MIB)

    assert stream.tell() == UNREAD_BODY_BYTES


def test_a_client_that_waits_for_leave_to_send_is_not_waited_for() -> None:
    waiting, sending = Stream(10_000), Stream(10_000)

    ask(waiting, 10_000, HTTP_EXPECT="100-continue")
    ask(sending, 10_000, HTTP_EXPECT="100-continue", read=lambda body: body.read(1))  # the server gave it at that read

    assert (waiting.tell(), sending.tell()) == (0, 10_000)


def test_only_granian_is_told_to_close() -> None:
    """PEP 3333 leaves the header to the server; waitress refuses it from an application."""
    assert ask(Stream(10), 10, SERVER_SOFTWARE="Granian")["Connection"] == "close"
    assert "Connection" not in ask(Stream(10), 10, SERVER_SOFTWARE="waitress")


@pytest.mark.parametrize(
    "read",
    [
        lambda body: body.read(),
        lambda body: body.read(100),
        lambda body: [body.read(60), body.read(40)],
        lambda body: body.readlines(),
        lambda body: list(body),
    ],
    ids=["read", "by its length", "by pieces", "readlines", "iterated"],
)
def test_a_body_that_was_read_is_known_as_such(read: Callable[[Any], object]) -> None:
    stream = io.BytesIO(b"a line\n" * 14 + b"ab")

    assert "Connection" not in ask(stream, 100, read=read, SERVER_SOFTWARE="Granian")


def test_beyond_its_places_an_answer_leaves_all_the_same() -> None:
    def answer(_: object, start: Any) -> Iterable[bytes]:
        start("404 NOT FOUND", [("Content-Type", "text/plain")])
        return [b"no"]

    crowd: list[io.BytesIO] = [io.BytesIO(bytes(10)) for _ in range(UNREAD_BODIES + 1)]
    left: list[int] = []

    class Nested(nullcontext[None]):
        """Each that lingers has the next one come meanwhile."""

        def __enter__(self) -> None:
            if crowd:
                stream = crowd.pop()
                ask(stream, 10, app=app)
                left.append(10 - stream.tell())

    app = LingeringClose(answer, Nested)
    ask(io.BytesIO(bytes(10)), 10, app=app)

    assert left == [10] + [0] * (UNREAD_BODIES - 1)
