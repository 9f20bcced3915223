"""What the bench of flushing makes of its figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vignette.trials.bench.durability import Comparison, DurabilityReport, run
from vignette.trials.bench.tools import BenchUnavailable

REPORT = DurabilityReport(
    [Comparison(8192, 1, full=[0.02, 0.03, 0.03], fast=[0.01] * 3), Comparison(3 * 2**20, 8, full=[0.1], fast=[0.1])]
)


def test_the_report_says_the_same_to_a_program_and_to_a_person() -> None:
    assert [one["ratio"] for one in json.loads(REPORT.as_json())] == pytest.approx([3.0, 1.0])
    lines = [line.split() for line in REPORT.as_text().splitlines()]
    assert lines[2:] == [["8", "KiB", "1", "30.0", "10.0", "3.00"], ["3.0", "MiB", "8", "100.0", "100.0", "1.00"]]


def test_both_are_measured_for_each_size_and_number_of_clients(tmp_path: Path) -> None:
    steps: list[None] = []

    report = run(tmp_path, edges_px=(40, 100), rounds=2, done=lambda: steps.append(None))

    assert [one.clients for one in report.comparisons] == [1, 8, 1, 8]
    assert report.comparisons[0].bytes < report.comparisons[2].bytes
    assert all(len(one.full) == len(one.fast) == 2 and one.ratio > 0 for one in report.comparisons)
    assert len(steps) == 16
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(BenchUnavailable, match=r"no folder can be made in .*file: "):
        run(tmp_path / "file", edges_px=(40,), rounds=1)
