"""What the bench beside strangers reports."""

from __future__ import annotations

from vignette.trials.bench.strangers import Felt, StrangersReport


def test_the_report_tells_median_and_longest_and_who_had_no_answer() -> None:
    report = StrangersReport(
        [
            Felt("none", {"page": [0.001, 0.002, 0.009]}),
            Felt("idle connections", {"page": []}, unserved=1, told_to_retry=2),
        ]
    )

    _, calm, attacked = report.as_text().splitlines()

    assert calm.split() == ["none", "2.0", "/", "9.0", "0"]
    assert attacked.endswith("1, told to try again 2 times")
    assert report.shortfalls() == ["idle connections: 1 requests had no answer"]
