from __future__ import annotations

import pytest

from vignette.use_cases.progress import Progress, duration, watched


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.1, "1 s"), (8, "8 s"), (89, "89 s"), (95, "2 min"), (3599, "1 h 0 min"), (12_000, "3 h 20 min")],
)
def test_a_duration_reads_as_one_says_it(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_it_tells_now_and_then_how_far_it_is_and_how_long_the_rest_will_take() -> None:
    now, told = 0.0, []

    def clock() -> float:
        return now

    for _ in watched(range(1000), 1000, told.append, every_s=10, clock=clock):
        now += 0.25

    assert [progress.done for progress in told] == list(range(40, 1001, 40))
    assert told[0] == Progress(done=40, total=1000, took_s=10)
    assert told[0].left_s == 240
    assert str(told[0]) == "40 of 1,000, about 4 min left"


def test_it_tells_nothing_of_what_is_soon_done() -> None:
    assert list(watched("abc", 3, pytest.fail, every_s=10)) == ["a", "b", "c"]


def test_more_than_were_expected_leave_nothing() -> None:
    assert Progress(done=5, total=4, took_s=10).left_s == 0
