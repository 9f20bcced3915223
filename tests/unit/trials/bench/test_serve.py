"""What the bench of serving makes of its figures, and what it says where a program is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from vignette.trials.bench.rounds import interleaved, median_ratio
from vignette.trials.bench.serve import GOAL, MARGIN, ServeReport
from vignette.trials.bench.tools import BenchUnavailable, program

WELL = ServeReport(32, 5000, ours=[50.0] * 3, ours_304=[60.0] * 3, nginx=[100.0] * 3, nginx_304=[120.0] * 3)


def test_rounds_take_turns_and_turn_their_order() -> None:
    asked: list[str] = []

    def work(name: str) -> float:
        asked.append(name)
        return len(asked)

    figures = interleaved([lambda: work("a"), lambda: work("b")], 2, lambda: None)

    assert asked == ["a", "b", "b", "a"]
    assert figures == [[1, 4], [2, 3]]


def test_one_round_in_which_the_machine_did_other_things_does_not_count() -> None:
    assert median_ratio([50, 5, 51], [100, 100, 102]) == 0.5


def test_what_is_behind_by_more_than_the_margin_is_a_shortcoming() -> None:
    behind = 100 * GOAL * (1 - MARGIN)

    assert WELL.shortfalls() == []
    assert replace(WELL, ours=[behind + 1] * 3).shortfalls() == []
    assert len(replace(WELL, ours=[behind - 1] * 3).shortfalls()) == 1
    assert len(replace(WELL, ours_304=[30.0] * 3).shortfalls()) == 1


def test_the_report_says_the_same_to_a_program_and_to_a_person() -> None:
    report = json.loads(WELL.as_json())

    assert (report["ratio"], report["gain_of_304"]) == (0.5, 1.2)
    assert "0.50" in WELL.as_text()


def test_what_is_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BenchUnavailable, match="apt install nginx-light"):
        program("nginx", more_folders=str(tmp_path))
