"""Threads of a web process are shared out, and none waits where others need it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Response

from tests.running import LIMIT_S, until
from vignette.errors import Overloaded
from vignette.web.capacity import Capacity
from vignette.web.capacity.slow_clients import SlowClients


def capacity(waiters: int = 1, **options: Any) -> Capacity:
    # A wait that is not meant to happen would be one for ever.
    return Capacity(SlowClients(30), **{"uploads": 1, "downloads": 1, "waiters": waiters, "patience_s": 1e6} | options)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def use(house: Capacity) -> str:
    with house.download():
        return "served"


def has_a_waiter(house: Capacity) -> bool:
    with house.waiter(1) as left_s:
        return left_s() == 0


def test_a_download_without_a_place_waits_for_one(pool: ThreadPoolExecutor) -> None:
    house = capacity()
    with house.download():
        waiting = pool.submit(use, house)
        until(lambda: has_a_waiter(house))

    assert waiting.result(LIMIT_S) == "served"
    until(lambda: not has_a_waiter(house))


def test_where_enough_wait_already_the_next_is_refused_at_once(pool: ThreadPoolExecutor) -> None:
    house = capacity(waiters=2)
    with house.download():
        waiting = [pool.submit(use, house) for _ in range(2)]
        until(lambda: has_a_waiter(house))

        with pytest.raises(Overloaded, match="1 downloads are in progress"):
            use(house)

    assert [one.result(LIMIT_S) for one in waiting] == ["served"] * 2


def test_where_nobody_may_wait_it_is_refused_at_once() -> None:
    house = capacity(waiters=0)
    with house.download(), pytest.raises(Overloaded):
        use(house)

    assert use(house) == "served"


def test_a_wait_has_an_end() -> None:
    house = capacity(patience_s=0.01)
    with house.download(), pytest.raises(Overloaded):
        use(house)

    assert not has_a_waiter(house)


def test_who_waits_for_something_else_counts_too() -> None:
    house = capacity()
    with house.download(), house.waiter(20) as left_s:
        assert 19 < left_s() <= 20
        with pytest.raises(Overloaded):
            use(house)


def test_only_what_is_long_to_send_holds_a_place_and_until_it_is_closed() -> None:
    house = capacity(waiters=0)
    small = house.sending(Response(iter([b"x"]), headers={"Content-Length": "1"}))
    large = house.sending(Response(iter([b"x"]), headers={"Content-Length": "1000000"}))

    refused = Response(iter([b"x"]), headers={"Content-Length": "1000000"})
    closed: list[str] = []
    refused.call_on_close(lambda: closed.append("refused"))
    with pytest.raises(Overloaded):
        house.sending(refused)

    assert closed == ["refused"]
    large.response.close()  # type: ignore[union-attr]
    small.close()
    assert use(house) == "served"


@pytest.mark.parametrize("threads", [3, 4, 8, 9, 32, 256])
def test_whatever_is_taken_a_thread_is_left_for_everybody_else(threads: int) -> None:
    house, taken = Capacity.of_threads(threads, slow_client_s=30), 0
    with ExitStack() as stack:
        for place in (house.upload, house.download):
            try:
                while True:
                    stack.enter_context(place())
                    taken += 1
            except Overloaded:
                pass
        while stack.enter_context(house.waiter(60))():
            taken += 1

    assert threads * 3 // 4 - 1 <= taken < threads
