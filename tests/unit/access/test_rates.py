"""The units of a holder in one process, by a clock that stands."""

from __future__ import annotations

from typing import Final

import pytest

from vignette.access.rates import Buckets, Rate, units_of

RATE: Final = Rate("requests", 10, 5)


def test_as_many_as_the_rate_says_are_there_at_once() -> None:
    buckets = Buckets(RATE)

    assert [buckets.take("one", 1, 100.0) for _ in range(10)] == [0] * 10
    assert buckets.take("one", 1, 100.0) == pytest.approx(0.5)
    assert buckets.take("another", 10, 100.0) == 0


def test_they_come_back_one_after_the_other() -> None:
    buckets = Buckets(RATE)
    buckets.take("one", 10, 100.0)

    assert buckets.take("one", 1, 100.49) > 0
    assert buckets.take("one", 1, 100.5) == 0
    assert buckets.left("one", 102.5) == pytest.approx(4)
    assert buckets.left("one", 200.0) == 10


def test_what_is_refused_takes_nothing() -> None:
    buckets = Buckets(RATE)
    buckets.take("one", 8, 100.0)

    assert buckets.take("one", 3, 100.0) == pytest.approx(0.5)
    assert buckets.take("one", 2, 100.0) == 0


def test_whoever_asks_from_many_addresses_takes_no_memory_without_end() -> None:
    buckets = Buckets(RATE, most_holders=100)
    buckets.take("spender", 10, 0.0)
    for number in range(10_000):
        buckets.take(str(number), 1, 0.0)

    assert len(buckets._full_at) <= 101
    assert buckets.take("spender", 1, 0.0) > 0, "who has spent most is remembered"


@pytest.mark.parametrize(("seconds", "units"), [(0, 0), (0.001, 1), (0.005, 1), (0.0051, 2), (2, 400)])
def test_processor_time_in_units(seconds: float, units: int) -> None:
    assert units_of(seconds) == units
