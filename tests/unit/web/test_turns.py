"""A process makes one page at a time, and the next one is for another client."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from flask import Flask, request
from werkzeug.test import Client, TestResponse

from tests.running import LIMIT_S, until
from vignette.web.capacity import Capacity
from vignette.web.capacity.slow_clients import SlowClients
from vignette.web.capacity.turns import Turns, end_turn, refuse_without_a_turn
from vignette.web.http.problems import init_problems

ONE, OTHER = "192.0.2.1", "192.0.2.2"


class Pages:
    """An application whose pages are made when they are told to; others wait for something, or fail."""

    def __init__(self, waiting: int) -> None:
        self.begun: list[str] = []
        self.goes_on = threading.Semaphore(0)
        self.capacity = Capacity(SlowClients(30), uploads=1, downloads=1, waiters=4)
        self.flask = Flask(__name__)
        init_problems(self.flask)
        refuse_without_a_turn(self.flask)
        for path, view in (("/page", self.page), ("/wait", self.wait), ("/upload", self.upload), ("/own", self.own)):
            self.flask.add_url_rule(path, path, view)
        for path, view in (("/quick", lambda: "made"), ("/healthz", lambda: "well"), ("/broken", lambda: 1 / 0)):
            self.flask.add_url_rule(path, path, view)
        self.turns = Turns(self.flask.wsgi_app, waiting=waiting, patience_s=LIMIT_S)
        self.pool = ThreadPoolExecutor(16)

    def page(self) -> str:
        self.begun.append(request.remote_addr or "")
        assert self.goes_on.acquire(timeout=LIMIT_S)
        return "made"

    def wait(self) -> str:
        with self.capacity.waiter(LIMIT_S):
            return self.page()

    def upload(self) -> str:
        with self.capacity.upload():
            return self.page()

    def own(self) -> str:
        end_turn()
        return self.page()

    def get(self, path: str = "/page", client: str = ONE) -> TestResponse:
        return Client(self.turns).get(path, environ_overrides={"REMOTE_ADDR": client})

    def begin(self, path: str = "/page", client: str = ONE) -> Future[TestResponse]:
        before = len(self.begun) + self.waiting
        asked = self.pool.submit(self.get, path, client)
        until(lambda: len(self.begun) + self.waiting == before + 1)
        return asked

    @property
    def waiting(self) -> int:
        return len(self.turns._places.waiting())


@pytest.fixture
def pages() -> Iterator[Pages]:
    pages = Pages(waiting=4)
    with pages.pool:
        try:
            yield pages
        finally:
            pages.goes_on.release(1000)


def test_one_is_made_at_a_time_and_the_next_is_for_another_client(pages: Pages) -> None:
    asked = [pages.begin() for _ in range(3)]
    asked.append(pages.begin(client=OTHER))
    assert pages.begun == [ONE]

    pages.goes_on.release(1)
    until(lambda: len(pages.begun) == 2)
    assert pages.begun == [ONE, OTHER]

    pages.goes_on.release(3)
    assert {one.result(LIMIT_S).text for one in asked} == {"made"}


def test_what_finds_no_room_to_wait_is_refused_by_the_same_bytes_each_time(pages: Pages) -> None:
    for _ in range(5):
        pages.begin()

    with_a_root = Client(pages.turns).get("/page", environ_overrides={"REMOTE_ADDR": ONE, "SCRIPT_NAME": "/of-one"})
    refused = [with_a_root, pages.get("/nothing")]

    assert [one.status_code for one in refused] == [503, 503]
    assert json.loads(refused[0].data)["type"] == "/problems/overloaded"
    assert refused[0].headers["Retry-After"]
    assert refused[0].data == refused[1].data
    assert Client(pages.turns).head("/page", environ_overrides={"REMOTE_ADDR": ONE}).data == b""


def test_one_client_fills_the_room_and_keeps_nobody_else_out(pages: Pages) -> None:
    asked = [pages.begin() for _ in range(5)]

    newcomer = pages.pool.submit(pages.get, "/page", OTHER)
    assert asked[-1].result(LIMIT_S).status_code == 503
    pages.goes_on.release(2)

    assert newcomer.result(LIMIT_S).status_code == 200


def test_a_probe_needs_no_turn(pages: Pages) -> None:
    pages.begin()

    assert pages.get("/healthz").text == "well"


@pytest.mark.parametrize("path", ["/wait", "/upload", "/own"])
def test_whoever_waits_for_something_else_keeps_nobody_waiting(pages: Pages, path: str) -> None:
    pages.begin(path)

    assert pages.get("/quick", OTHER).text == "made"


def test_a_turn_ends_by_an_error_too(pages: Pages) -> None:
    for _ in range(3):
        assert pages.get("/broken").status_code == 500

    assert pages.get("/quick").text == "made"
