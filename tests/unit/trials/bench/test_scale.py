"""What `vignette bench scale` reports and when `--check` fails; tests/integration/test_benches.py runs it."""

from __future__ import annotations

import json

from vignette.trials.bench.scale import SMOKE, Line, ScaleReport


def report(*, page: float = 1.0, rows_ms: float = 100.0) -> ScaleReport:
    few = [4.0, 5.0, 6.0]
    lines = [Line("front page", few, [one * page for one in few]), Line("reindex", [rows_ms], [rows_ms], True)]
    return ScaleReport(SMOKE, lines)


def test_what_costs_the_same_is_well() -> None:
    assert report(page=1.4).shortfalls() == []
    assert report(page=2.9).shortfalls() == []


def test_what_reads_every_image_is_behind_its_goal() -> None:
    (words,) = report(page=10).shortfalls()

    assert words == "front page: 10.00 times as much is more than 100% behind the goal of 1.5"


def test_rows_that_are_made_one_by_one_are_behind_their_goal() -> None:
    (words,) = report(rows_ms=1500).shortfalls()

    assert words == "reindex makes 667 rows a second: the goal is 2,000"


def test_a_person_reads_medians_and_a_program_reads_each_round() -> None:
    text, data = report().as_text(), json.loads(report().as_json())

    assert text.splitlines()[2].split() == ["front", "page", "5.00", "5.00", "1.00"]
    assert text.splitlines()[-1].startswith("reindex makes 10,000 rows a second")
    assert data["lines"][0]["few_ms"] == [4.0, 5.0, 6.0]
    assert data["lines"][0]["ratio"] == 1.0
