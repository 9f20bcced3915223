"""Plans of public copies are made once, and their memory is bounded."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.running import until
from vignette.errors import PublicCopyNotClean
from vignette.limits import KIB, MIB
from vignette.pixels.publishing import Pieces
from vignette.pixels.publishing.plans import Plans


def plan(ranges: int = 1, written: int = 0) -> Pieces:
    made = Pieces()
    for start in range(10_000, 10_000 + 10 * ranges, 10):
        made.copy(start, start + 5)
    made.write(bytes(written))
    return made


class Maker:
    """Makes *made*, or raises it; counts how often it was asked."""

    def __init__(self, made: Pieces | Exception) -> None:
        self._made = made
        self.asked = 0

    def __call__(self) -> Pieces:
        self.asked += 1
        if isinstance(self._made, Exception):
            raise self._made
        return self._made


def test_a_plan_is_made_once() -> None:
    plans, maker = Plans(MIB), Maker(plan())
    assert plans.find("a") is None

    first, second = plans.find_or_make("a", maker), plans.find_or_make("a", maker)

    assert first is second is plans.find("a")
    assert maker.asked == 1


def test_each_key_has_a_plan_of_its_own() -> None:
    plans, one, other = Plans(MIB), plan(), plan()

    assert plans.find_or_make("a", lambda: one) is one
    assert plans.find_or_make("b", lambda: other) is other
    assert plans.find("a") is one


def test_what_several_ask_for_at_the_same_time_is_made_once() -> None:
    plans, asked, may_end = Plans(MIB), threading.Semaphore(0), threading.Event()
    maker = Maker(plan())

    def slowly() -> Pieces:
        may_end.wait()
        return maker()

    def ask() -> Pieces:
        asked.release()
        return plans.find_or_make("a", slowly)

    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(ask) for _ in range(4)]
        for _ in answers:
            asked.acquire()
        may_end.set()
        assert len({id(answer.result()) for answer in answers}) == 1
    assert maker.asked == 1


def test_a_fault_is_raised_to_all_who_wait_and_tried_anew_afterwards() -> None:
    plans, may_end, maker = Plans(MIB), threading.Event(), Maker(PublicCopyNotClean("it is not"))

    def slowly() -> Pieces:
        may_end.wait()
        return maker()

    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(plans.find_or_make, "a", slowly) for _ in range(2)]
        until(lambda: all(answer.running() for answer in answers))
        may_end.set()
        for answer in answers:
            with pytest.raises(PublicCopyNotClean):
                answer.result()
    assert plans.find_or_make("a", plan) is plans.find("a")


def test_the_least_recently_used_gives_way() -> None:
    plans = Plans(3 * KIB)
    for key in ("often", "a"):
        plans.find_or_make(key, lambda: plan(written=100))
    plans.find("often")

    for key in ("b", "c"):
        plans.find_or_make(key, lambda: plan(written=100))

    assert plans.find("often") is not None
    assert plans.find("a") is None
    assert plans.kept_bytes <= 3 * KIB


def test_one_that_is_too_large_is_given_and_not_kept() -> None:
    plans = Plans(4 * KIB)
    plans.find_or_make("small", plan)

    assert plans.find_or_make("large", lambda: plan(ranges=1000)).size == 5000

    assert plans.find("large") is None
    assert plans.find("small") is not None


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: plan(), id="small ones"),
        pytest.param(lambda: plan(ranges=500), id="of many ranges"),
        pytest.param(lambda: plan(written=50_000), id="with a large profile"),
    ],
)
def test_what_is_kept_takes_no_more_memory_than_is_said(make: Callable[[], Pieces]) -> None:
    plans = Plans(MIB)
    tracemalloc.start()
    try:
        for number in range(1500):
            plans.find_or_make((number, f"{number:064x}"), make)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert MIB * 0.8 < plans.kept_bytes <= MIB
    assert taken <= MIB + 64 * KIB


def test_who_comes_as_a_plan_is_made_finds_it_and_it_counts_once() -> None:
    """Between the end of the making and the keeping there is no instant at which another would make it again."""
    plans, maker = Plans(MIB), Maker(plan())
    lock = plans._lock

    class Interrupted:
        """The lock. Another caller comes as often as it is given back."""

        is_busy = False

        def __enter__(self) -> None:
            lock.acquire()

        def __exit__(self, *_: object) -> None:
            lock.release()
            if not self.is_busy and maker.asked:
                self.is_busy = True
                plans.find_or_make("a", maker)

    plans._lock = Interrupted()  # type: ignore[assignment]
    plans.find_or_make("a", maker)
    kept_bytes = plans.kept_bytes
    alone = Plans(MIB)
    alone.find_or_make("a", Maker(plan()))

    assert (maker.asked, kept_bytes) == (1, alone.kept_bytes)
