"""What the bench of the whole way takes as photos, and what it makes of its figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from vignette.trials.bench.pipeline import GOAL, MARGIN, PipelineReport, find_photos
from vignette.trials.bench.tools import BenchUnavailable

WELL = PipelineReport(60, 10**8, 4, ["small.webp"], ours=[9.0] * 3, vipsthumbnail=[10.0] * 3)


def test_the_photos_of_a_folder_are_its_jpegs(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpeg", "c.heic", "README.md"):
        (tmp_path / name).touch()

    assert [photo.name for photo in find_photos(tmp_path)] == ["a.jpeg", "b.jpg"]


def test_a_folder_without_photos_is_told(tmp_path: Path) -> None:
    with pytest.raises(BenchUnavailable, match="no JPEGs"):
        find_photos(tmp_path)


def test_what_takes_longer_by_more_than_the_margin_is_a_shortcoming() -> None:
    behind = 10 * GOAL * (1 + MARGIN)

    assert WELL.shortfalls() == []
    assert replace(WELL, ours=[behind - 0.1] * 3).shortfalls() == []
    assert len(replace(WELL, ours=[behind + 0.1] * 3).shortfalls()) == 1


def test_the_report_says_the_same_to_a_program_and_to_a_person() -> None:
    assert json.loads(WELL.as_json())["ratio"] == 0.9
    assert "0.90" in WELL.as_text()
