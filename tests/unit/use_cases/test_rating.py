"""Who may ask how much, with windows that are numbers and a clock that stands."""

from __future__ import annotations

from typing import Final

import pytest

from tests.doubles import Numbers
from vignette.access.actors import NOBODY, Actor
from vignette.access.rates import Rate, Standing
from vignette.errors import AbnormalUsage, QuotaExceeded, ReducedCapacity
from vignette.model import ImageFacts
from vignette.use_cases.rating import Rates, Rating, last_of_each, refusal_of
from vignette.use_cases.weighing import copying_s, receiving_s, rendering_s

ADDRESS: Final = Rate("address", 100, 60)
KEY: Final = Rate("key", 1000, 60)
WRONG_KEYS: Final = Rate("wrong-keys", 3, 900)
HERE: Final = "192.0.2.1"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_ordinary_request_takes_a_unit_and_a_costly_one_what_it_costs() -> None:
    rating = Rating(numbers := Numbers(), Rates(ADDRESS, KEY))

    rating.take(rating.holders(HERE, "key:a"))
    rating.take(rating.holders(HERE, "key:a"), 0.1)
    rating.spend(rating.holders(HERE, "key:a"), 0.051)

    assert numbers.spent == {("address", HERE): 1 + 20 + 11, ("key", "key:a"): 1 + 20 + 11}


def test_whoever_has_nothing_left_is_refused_with_what_he_asked_for() -> None:
    rating = Rating(Numbers(), Rates(ADDRESS))
    holders = rating.holders(HERE)
    rating.take(holders, 0.45)

    refusal = refusal_of(rating.take(holders, 0.1), 0.1)

    assert type(refusal) is QuotaExceeded
    assert (refusal.policies, refusal.measured, refusal.limit) == (("address",), 20, 100)
    assert refusal.retry_after_s == 6, "ten more units take six seconds"
    assert refusal_of(rating.take(holders, 0.05), 0.05) is None


def test_without_the_windows_of_all_the_fault_is_ours() -> None:
    rating = Rating(Numbers(is_share=True), Rates(ADDRESS))
    rating.take(rating.holders(HERE), 0.5)

    assert type(refusal_of(rating.take(rating.holders(HERE)))) is ReducedCapacity


def test_what_is_larger_than_a_window_takes_a_whole_one() -> None:
    rating = Rating(Numbers(), Rates(ADDRESS))

    assert refusal_of(rating.take(rating.holders(HERE), 100)) is None


def test_an_address_pays_before_the_key_that_it_shows() -> None:
    rating = Rating(numbers := Numbers(), Rates(ADDRESS, KEY))
    rating.take(rating.holders(HERE), 0.5)

    rating.take(rating.holders(HERE, "key:a"))

    assert ("key", "key:a") not in numbers.spent


def test_only_what_has_a_rate_is_counted() -> None:
    assert Rating(Numbers(), Rates()).holders(HERE, "key:a") == []
    assert [each.name for each in Rating(Numbers(), Rates(of_key=KEY)).holders(HERE, "key:a")] == ["key:a"]
    assert Actor("a").identity == "key:a"
    assert NOBODY.identity is None


def test_of_each_rate_the_last_standing_is_told() -> None:
    first, last = Standing(ADDRESS, 9, 1), Standing(ADDRESS, 8, 1)

    assert last_of_each([first, Standing(KEY, 7, 1), last]) == [last, Standing(KEY, 7, 1)]


class TestWrongKeys:
    def test_after_as_many_as_may_be_no_key_is_looked_at_for_a_while(self) -> None:
        rating = Rating(Numbers(), Rates(of_wrong_keys=WRONG_KEYS), clock=(clock := Clock()))
        for _ in range(2):
            rating.note_wrong_key(HERE)
        rating.require_trust(HERE)
        rating.note_wrong_key(HERE)

        with pytest.raises(AbnormalUsage) as caught:
            rating.require_trust(HERE)
        assert (caught.value.policies, caught.value.retry_after_s) == (("wrong-keys",), 300)
        rating.require_trust("192.0.2.2")

        clock.now += 300
        rating.require_trust(HERE)
        rating.note_wrong_key(HERE)
        with pytest.raises(AbnormalUsage):
            rating.require_trust(HERE)

    def test_without_a_rate_anybody_may_guess(self) -> None:
        rating = Rating(Numbers(), Rates(ADDRESS))
        for _ in range(100):
            rating.note_wrong_key(HERE)

        rating.require_trust(HERE)


def test_what_is_larger_costs_more() -> None:
    small, large = ImageFacts("image/jpeg", "jpg", 100, 100, 1), ImageFacts("image/jpeg", "jpg", 4000, 3000, 1)
    moving = ImageFacts("image/gif", "gif", 100, 100, 90)

    assert receiving_s(0) == 0
    assert receiving_s(5_000_000) == pytest.approx(0.015)
    assert 0.03 <= rendering_s(small) < rendering_s(moving) < rendering_s(large) < 0.5
    assert 0.02 <= copying_s(small) < copying_s(large) < 0.5
