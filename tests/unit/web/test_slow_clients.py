"""An upload has to keep a pace that rises, and whoever reads a file has to take it."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Request

from tests.running import LIMIT_S
from vignette.errors import MalformedRequest, Refused, UploadTooSlow
from vignette.limits import KIB, MIB
from vignette.tally import Announced, Tally
from vignette.web.capacity.slow_clients import Sample, SlowClients, Track, WatchedBody

LENGTH = 50 * MIB

WINDOW_S = 1


class Stream:
    """A body that comes at *bytes_per_s*, by a clock that goes as it comes; `longest_s` is its longest read."""

    def __init__(self, bytes_per_s: float) -> None:
        self.now = 0.0
        self.longest_s = 0.0
        self._bytes_per_s = bytes_per_s

    def read(self, size: int) -> bytes:
        self.now += size / self._bytes_per_s
        self.longest_s = max(self.longest_s, size / self._bytes_per_s)
        return bytes(size)


class Pieces:
    """A body that comes in pieces, one a second by its own clock."""

    def __init__(self, *lengths: int) -> None:
        self.now = 0.0
        self._lengths = iter(lengths)

    def read(self, size: int) -> bytes:
        self.now += 1
        return bytes(min(size, next(self._lengths)))


@contextmanager
def body(
    stream: Stream | Pieces, monkeypatch: pytest.MonkeyPatch, watcher: type[SlowClients] = SlowClients
) -> Iterator[WatchedBody]:
    environ: Any = {"CONTENT_LENGTH": str(LENGTH), "wsgi.input": stream, "wsgi.input_terminated": True}
    with monkeypatch.context() as patched:
        patched.setattr("vignette.web.capacity.slow_clients.sys", SimpleNamespace(platform="none"))  # no thread looks
        patched.setattr("vignette.web.capacity.slow_clients.time", SimpleNamespace(monotonic=lambda: stream.now))
        yield watcher(40).watched(Request(environ))


def read_all(watched: WatchedBody) -> None:
    while watched.bytes < 20 * MIB:
        watched.read(256 * KIB)


@pytest.mark.parametrize(("bytes_per_s", "ends_s"), [(1.2 * KIB, 40), (3 * KIB, 90), (6 * KIB, 180)])
def test_an_upload_ends_as_soon_as_it_is_below_the_floor(
    monkeypatch: pytest.MonkeyPatch, bytes_per_s: float, ends_s: float
) -> None:
    stream = Stream(bytes_per_s)
    with body(stream, monkeypatch) as watched, pytest.raises(UploadTooSlow) as error:
        read_all(watched)

    assert ends_s <= stream.now < ends_s + 5
    assert error.value.measured is not None
    assert error.value.limit is not None
    assert error.value.measured < error.value.limit


@pytest.mark.parametrize(
    ("pieces", "cut_at", "why"),
    [
        ((4096, 1, 0), 1.5, UploadTooSlow),
        ((4096, 1, 1, 1, 0), 1.5, UploadTooSlow),  # what the server had in hand came piece by piece
        ((4096, 1, 1, 0), 3.5, UploadTooSlow),
        ((4096, 16384, 0), 1.5, UploadTooSlow),  # it got all that it asked for, and nothing is left
        ((4096, 16384, 1, 0), 0.5, MalformedRequest),  # that was another client: as much as was asked for came later
    ],
)
def test_whose_client_was_cut_off_is_told_so_however_its_last_bytes_come(
    monkeypatch: pytest.MonkeyPatch, pieces: tuple[int, ...], cut_at: float, why: type[Refused]
) -> None:
    class HasCut(SlowClients):
        def has_cut_since(self, begun: float) -> bool:
            return cut_at >= begun

    with body(Pieces(*pieces), monkeypatch, HasCut) as watched:
        while watched.read(256 * KIB):
            pass

    assert type(watched.broken_off(Tally(Announced(LENGTH)))) is why


def test_a_phone_on_a_slow_network_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(9 * KIB)
    with body(stream, monkeypatch) as watched:
        read_all(watched)

    assert stream.longest_s < 5  # so that it can be told soon


def test_what_comes_fast_is_read_in_large_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    with body(Stream(10 * MIB), monkeypatch) as watched:
        sizes = [len(watched.read(256 * KIB)) // KIB for _ in range(5)]

    assert sizes == [4, 16, 64, 64, 64]


@pytest.mark.parametrize(
    ("taken_per_s", "until_s"), [(0, 40), (800, 40), (1.2 * KIB, 40), (4 * KIB, 120), (9 * KIB, None)]
)
def test_a_reader_has_to_keep_the_same_pace(taken_per_s: float, until_s: float | None) -> None:
    track = Track.begun(Sample(0, 0, 0))
    cut_at = None
    for second in range(0, 600, 2):
        now = Sample(second, int(taken_per_s * second), 0)
        track.note(now, untaken=100_000, window_s=40)
        if cut_at is None and track.reads_too_slowly(now, 40):
            cut_at = second

    assert cut_at == until_s if until_s is None else until_s <= cut_at <= until_s + 4


def test_who_has_taken_all_may_be_idle_in_between() -> None:
    track = Track.begun(Sample(0, 0, 0))
    for second in range(0, 600, 10):
        now = Sample(second, 20 * second, 0)  # small answers, each taken at once
        track.note(now, untaken=0, window_s=40)

        assert not track.reads_too_slowly(now, 40)
        assert track.moved == now


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO")
@pytest.mark.parametrize(("bytes_per_s", "is_cut"), [(0, True), (50_000, False)])
def test_whoever_takes_too_little_of_a_file_is_cut_off(bytes_per_s: int, is_cut: bool) -> None:
    slow_clients = SlowClients(window_s=WINDOW_S)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(server.getsockname())
        client.settimeout(0.1)
        connection, _ = server.accept()

        def send() -> None:
            with connection, slow_clients.moving():
                try:
                    while True:
                        connection.sendall(bytes(256 * KIB))
                except OSError:
                    ended.set()

        sender = threading.Thread(target=send)
        sender.start()
        begun = time.monotonic()
        # What is tested is a speed, for several times the window.
        while not ended.wait(0.1) and time.monotonic() - begun < (10 * WINDOW_S if is_cut else 3 * WINDOW_S):
            if bytes_per_s:
                client.recv(bytes_per_s // 10)
        was_cut = ended.is_set()
        client.close()
        sender.join(LIMIT_S)

    assert was_cut is is_cut
