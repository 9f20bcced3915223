"""Places are shared among clients: who has the fewest comes first, and nobody fills the room that others wait in."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.running import LIMIT_S, until
from vignette.errors import Overloaded
from vignette.limits import (
    FLOOR_RISES_S,
    GIVES_WAY_AFTER_S,
    HEALTHY_BODY_BYTES_PER_S,
    LARGE_SHARE_GIVES_WAY_AFTER_S,
    MIN_BODY_BYTES_PER_S,
    OWN_GIVES_WAY_AFTER_S,
    STEADY_BODY_BYTES_PER_S,
)
from vignette.web.capacity.connections import Connection
from vignette.web.capacity.crowd import to_be_ended
from vignette.web.capacity.pace import floor_after
from vignette.web.capacity.places import Places, WaitingRoom
from vignette.web.capacity.slow_clients import Pressure, Transfer, giving_way

A, B, C = "203.0.113.1", "203.0.113.2", "203.0.113.3"
SLOW, HEALTHY = HEALTHY_BODY_BYTES_PER_S - 1, HEALTHY_BODY_BYTES_PER_S


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def wait_for(pool: ThreadPoolExecutor, places: Places, holder: str) -> Future[None]:
    before = len(places.waiting())
    waiting = pool.submit(places.take, holder, LIMIT_S)
    until(lambda: len(places.waiting()) == before + 1)
    return waiting


def test_one_holder_may_have_all_places() -> None:
    places = Places("uploads", 3, WaitingRoom(1))
    for _ in range(3):
        places.take(A)

    with pytest.raises(Overloaded, match="3 uploads are in progress"):
        places.take(A)
    assert places.crowders() == frozenset()


def test_a_free_place_goes_to_the_waiter_whose_holder_has_the_fewest(pool: ThreadPoolExecutor) -> None:
    places = Places("uploads", 2, WaitingRoom(4))
    places.take(A)
    places.take(A)
    of_a = wait_for(pool, places, A)
    of_b = wait_for(pool, places, B)

    places.give_back(A)
    of_b.result(LIMIT_S)

    assert not of_a.done()
    places.give_back(B)
    of_a.result(LIMIT_S)


def test_a_newcomer_takes_the_room_of_one_who_waits_many_times(pool: ThreadPoolExecutor) -> None:
    places = Places("uploads", 1, WaitingRoom(3))
    places.take(A)
    first, second, third = (wait_for(pool, places, A) for _ in range(3))

    of_b = pool.submit(places.take, B, LIMIT_S)
    with pytest.raises(Overloaded):
        third.result(LIMIT_S)
    until(lambda: B in places.waiting())

    with pytest.raises(Overloaded):  # two of A, one of B: nobody has clearly more
        places.take(C, 0)
    for holder, waiting in ((A, of_b), (B, first), (A, second)):
        places.give_back(holder)
        waiting.result(LIMIT_S)


def test_who_waits_many_times_for_vignettes_makes_room_too(pool: ThreadPoolExecutor) -> None:
    """Else one holder has all places and the whole room: nobody is seen to wait, and he never has to give way."""
    room = WaitingRoom(2)
    places = Places("uploads", 1, room)
    places.take(A)
    with room.lock:
        first, second = room.enter(A), room.enter(A)
    assert first
    assert second

    of_b = pool.submit(places.take, B, LIMIT_S)
    until(lambda: B in places.waiting())

    assert second.called.is_set()
    assert not first.called.is_set()
    places.give_back(A)
    of_b.result(LIMIT_S)


def test_more_than_an_even_share_is_crowding(pool: ThreadPoolExecutor) -> None:
    places = Places("uploads", 4, WaitingRoom(4))
    for holder in (A, A, A, B):
        places.take(holder)
    assert places.crowders() == {A}

    waiting = wait_for(pool, places, C)  # four places for three
    assert places.crowders() == {A}
    places.give_back(A)
    waiting.result(LIMIT_S)


@pytest.mark.parametrize(
    ("seconds", "bytes_per_s", "ends"),
    [
        (GIVES_WAY_AFTER_S, SLOW, True),
        (GIVES_WAY_AFTER_S - 0.1, 0, False),
        (LARGE_SHARE_GIVES_WAY_AFTER_S - 0.1, HEALTHY, False),
        (LARGE_SHARE_GIVES_WAY_AFTER_S, HEALTHY, True),
    ],
)
def test_when_somebody_else_waits_the_slow_and_the_crowders_give_way(
    seconds: float, bytes_per_s: float, ends: bool
) -> None:
    transfer = Transfer("it", A, seconds, bytes_per_s)

    assert giving_way([transfer], Pressure((B,), frozenset({A}))) == (["it"] if ends else [])
    assert giving_way([transfer], Pressure((), frozenset({A}))) == []


def test_who_is_fast_and_has_but_his_share_never_gives_way() -> None:
    assert giving_way([Transfer("it", A, 10_000, HEALTHY)], Pressure((B,))) == []


def test_a_client_waits_longer_for_its_own() -> None:
    young = Transfer("young", A, OWN_GIVES_WAY_AFTER_S - 0.1, 0)
    old = Transfer("old", A, OWN_GIVES_WAY_AFTER_S, 1)

    assert giving_way([young, old], Pressure((A, A))) == ["old"]
    assert giving_way([young, old], Pressure((B,))) == ["young"]


def test_for_each_who_waits_the_slowest_of_the_crowders_goes_first() -> None:
    transfers = [Transfer(name, A if name.startswith("a") else B, 60, speed) for name, speed in
                 (("a fast", 500), ("a slow", 10), ("b slow", 1), ("b fast", 600))]  # fmt: skip

    assert giving_way(transfers, Pressure((C,), frozenset({A}))) == ["a slow"]
    assert giving_way(transfers, Pressure((C, C, C), frozenset({A}))) == ["a slow", "a fast", "b slow"]
    assert giving_way(transfers, Pressure((C,))) == ["b slow"]


def test_the_floor_rises_with_the_time() -> None:
    assert floor_after(1) == MIN_BODY_BYTES_PER_S
    assert floor_after(FLOOR_RISES_S / 2) == STEADY_BODY_BYTES_PER_S / 2
    assert floor_after(10 * FLOOR_RISES_S) == STEADY_BODY_BYTES_PER_S


def idle(number: int, peer: str, still_s: float, untaken: int = 0) -> Connection:
    return Connection(number, number, peer, taken=0, sent=0, untaken=untaken, still_s=still_s)


def test_of_a_crowd_those_go_that_are_many_and_have_been_still_for_longest() -> None:
    crowd = [idle(number, A, still_s=number) for number in range(2, 12)]
    others = [idle(20, B, still_s=60), idle(21, A, still_s=60, untaken=1), idle(22, A, still_s=0.1)]

    assert to_be_ended([*crowd, *others], crowd=14) == []
    ended = to_be_ended([*crowd, *others], crowd=12)

    assert [connection.inode for connection in ended] == [11, 10, 9, 8, 7, 6, 5]
    assert others[0] not in to_be_ended([*crowd, *others], crowd=1)[:10]
