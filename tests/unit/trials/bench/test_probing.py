"""The probe asks at its rate, whatever becomes of the answers, and tells of each of them how long it took."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.running import until
from vignette.trials.bench.beside_nginx import Served
from vignette.trials.bench.probing import Waits, probing, together
from vignette.trials.bench.tools import BenchUnavailable

RATE = 40.0
STALL_S = 1.0


class Server(ThreadingHTTPServer):
    """Answers with *status*; hangs up after each answer unless it *keeps* connections."""

    request_queue_size = 256

    def __init__(self, status: int = 200, *, keeps: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.keeps = status, keeps
        self.answered = 0
        self.door = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        with self.server.door:
            self.server.answered += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", "5")
        if not self.server.keeps:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running(server: Server) -> Iterator[Served]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Served(server.server_address[1], "/", "")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_server_that_stands_still_has_all_late_answers_that_were_due_meanwhile() -> None:
    still, other = Server(), Server()
    with running(still) as at_still, running(other) as at_other, probing(RATE, at_still, at_other) as probed:
        until(lambda: still.answered > 20)
        with still.door:
            time.sleep(STALL_S)  # the length of the fault, not a wait for something
        until(lambda: still.answered > RATE * STALL_S + 20)

    late = [wait for wait in probed.waits[0].seconds if wait > STALL_S / 2]
    assert len(late) > 0.3 * RATE * STALL_S
    assert probed.waits[0].longest > 0.9 * STALL_S
    assert len(probed.waits[0].seconds) == still.answered
    assert abs(still.answered - other.answered) <= 1
    assert len(probed.late.seconds) == still.answered + other.answered


def test_a_server_may_hang_up_after_each_answer() -> None:
    server = Server(keeps=False)
    with running(server) as served, probing(RATE, served) as probed:
        until(lambda: server.answered > 10)

    assert len(probed.waits[0].seconds) == server.answered


def test_an_answer_other_than_200_is_told() -> None:
    server = Server(404)
    with running(server) as served, pytest.raises(BenchUnavailable, match="answered 404"), probing(RATE, served):
        until(lambda: server.answered > 0)


def test_percentiles_are_those_of_the_nearest_rank() -> None:
    waits = together([Waits([float(number) for number in range(1, 61)]), Waits([float(n) for n in range(61, 101)])])

    assert [waits.percentile(percent) for percent in (50, 99, 100)] == [50, 99, 100]
    assert waits.longest == 100
    assert Waits([3.0]).percentile(50) == 3.0
