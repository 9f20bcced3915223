"""What the bench of the whole way takes as photos, and what it makes of its figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from vignette.trials.bench.pipeline import SAME_WORK, Outcome, PipelineReport
from vignette.trials.bench.tools import BenchUnavailable, find_photos

WELL = PipelineReport(
    60, 10**8, 4, 0.02, [Outcome(SAME_WORK, ["small.jpeg"], ours=[11.0] * 3, vipsthumbnail=[10.0] * 3)]
)


def report(ours: float) -> PipelineReport:
    return replace(WELL, outcomes=[replace(WELL.outcomes[0], ours=[ours] * 3)])


def test_the_photos_of_a_folder_are_its_jpegs(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpeg", "c.heic", "README.md"):
        (tmp_path / name).touch()

    assert [photo.name for photo in find_photos(tmp_path)] == ["a.jpeg", "b.jpg"]


def test_a_folder_without_photos_is_told(tmp_path: Path) -> None:
    with pytest.raises(BenchUnavailable, match="no JPEGs"):
        find_photos(tmp_path)


def test_what_takes_longer_than_the_limit_is_a_shortcoming() -> None:
    limit = 10 * SAME_WORK.limit

    assert WELL.shortfalls() == []
    assert report(limit - 0.1).shortfalls() == []
    assert len(report(limit + 0.1).shortfalls()) == 1


def test_the_report_says_the_same_to_a_program_and_to_a_person() -> None:
    told = json.loads(WELL.as_json())

    assert told["ratios"] == [{"race": SAME_WORK.name, "ratio": 1.1}]
    assert told["outcomes"][0]["race"]["goal"] == SAME_WORK.goal
    assert "1.10" in WELL.as_text()
    assert "2.0% of our processor time" in WELL.as_text()
