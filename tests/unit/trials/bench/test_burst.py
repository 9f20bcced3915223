"""What the bench of many uploads makes of what it finds."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from vignette.trials.bench.burst import BurstReport

WELL = BurstReport(
    uploads=10,
    clients=2,
    acknowledged_s=1.0,
    default_s=2.0,
    rendered_s=2.5,
    requests=50,
    median_get_s=0.002,
    longest_get_s=0.345,
    refusals=3,
    numbers_given_twice=0,
    originals_lost=0,
    failed=0,
    left_in_staging=0,
    peak_mb={"web": 80.4, "queue": 9.0},
)


@pytest.mark.parametrize("promise", ["numbers_given_twice", "originals_lost", "failed", "left_in_staging"])
def test_a_broken_promise_is_a_shortcoming(promise: str) -> None:
    broken = replace(WELL, **{promise: 1})

    assert WELL.shortfalls() == []
    assert len(broken.shortfalls()) == 1
    assert broken.shortfalls()[0] in broken.as_text()


def test_the_report_says_the_same_to_a_program_and_to_a_person() -> None:
    assert json.loads(WELL.as_json())["refusals"] == 3
    assert "told to try again 3 times" in WELL.as_text()
    assert "median 2.0 ms, longest 345 ms" in WELL.as_text()
    assert "all default vignettes after 2.0 s" in WELL.as_text()
    assert "queue 9 MB, web 80 MB" in WELL.as_text()
