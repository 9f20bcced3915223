"""The bench of pixels, on small pictures: that it compares, not what comes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.house import broken_pixels
from tests.makers import encoded
from tests.unit.pixels.engines.scenes import scene
from vignette.cli import main
from vignette.pixels import formats
from vignette.pixels.formats import Format
from vignette.trials.bench.effort import Effort
from vignette.trials.bench.photos import Photo, photos
from vignette.trials.bench.pixels import GOALS, MARGIN, Comparison, PixelsReport, Side, compare
from vignette.trials.bench.tools import BenchUnavailable


def side(cpu_s: float, decibels: float = 50.0) -> Side:
    return Side(shrink_cpu_s=cpu_s, shrink_wall_s=cpu_s, encode_cpu_s=cpu_s, peak_mb=1.0, decibels=decibels)


def comparison(file_format: Format, ours: Side, libvips: Side | None) -> Comparison:
    return Comparison(Photo(Path(f"a.{file_format.extension}"), file_format, 1.0), ours, libvips)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(encoded(scene(800, 600), "JPEG"))
    return folder


class TestPhotos:
    def test_what_the_folder_lacks_is_made(self, folder: Path, tmp_path: Path) -> None:
        (folder / "b.png").write_bytes(encoded(scene(700, 500), "PNG"))

        found = photos(folder, tmp_path, Effort.QUICK)

        kinds = [photo.format for photo in found]
        assert kinds[:2] == [formats.JPEG, formats.PNG]
        assert set(kinds) == set(formats.ACCEPTED_FORMATS) - {formats.HEIC, formats.HEIF}
        assert all(photo.path.stat().st_size for photo in found)

    def test_what_is_small_or_no_picture_is_left_out(self, folder: Path, tmp_path: Path) -> None:
        (folder / "tiny.gif").write_bytes(encoded(scene(80, 60), "GIF"))
        (folder / "notes.txt").write_text("of the photos")
        (folder / "more").mkdir()

        assert not {"tiny.gif", "notes.txt"} & {photo.path.name for photo in photos(folder, tmp_path, Effort.QUICK)}

    def test_without_a_photo_there_is_nothing_to_measure(self, tmp_path: Path) -> None:
        with pytest.raises(BenchUnavailable):
            photos(tmp_path, tmp_path, Effort.QUICK)
        answer = CliRunner().invoke(main, ["bench", "pixels", "--photos", str(tmp_path)])
        assert (answer.exit_code, answer.stdout) == (2, "")


def test_a_picture_that_cannot_be_rendered_ends_the_bench_with_words(tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(broken_pixels())

    with pytest.raises(BenchUnavailable, match=r"broken\.png cannot be rendered: "):
        compare(Photo(path, formats.PNG, 0.1), tmp_path, Effort.QUICK)


@pytest.mark.parametrize(("kind", "is_read"), [(formats.JPEG, True), (formats.BMP, False)], ids=["JPEG", "BMP"])
def test_both_are_measured_where_both_can_read_it(tmp_path: Path, kind: Format, is_read: bool) -> None:
    path = tmp_path / "a"
    path.write_bytes(encoded(scene(), kind.name))

    compared = compare(Photo(path, kind, 0.1), tmp_path, Effort.QUICK)

    assert (compared.libvips is not None) is is_read
    for one in (compared.ours, compared.libvips):
        if one is not None:
            assert one.encode_cpu_s > one.shrink_cpu_s > 0
            assert one.decibels > 30


class TestReport:
    def test_a_ratio_is_of_all_pictures_of_a_format(self) -> None:
        report = PixelsReport([comparison(formats.JPEG, side(1), side(4)), comparison(formats.JPEG, side(5), side(8))])

        (row,) = report.rows
        assert row.ratio(lambda one: one.shrink_cpu_s) == 0.5
        assert "| JPEG | 2 | 1–1 | 3000.0 / 6000.0 | 0.50 |" in report.as_text()
        assert json.loads(report.as_json())["ratios"] == {"JPEG": 0.5}

    def test_what_libvips_cannot_read_has_no_ratio(self) -> None:
        report = PixelsReport([comparison(formats.HEIC, side(1), None)])

        assert "| HEIC | 1 | 1 | 1000.0 / – | – |" in report.as_text()
        assert report.shortfalls() == []

    def test_a_goal_is_missed_beyond_its_margin_only(self) -> None:
        limit = GOALS[formats.PNG] * MARGIN

        assert PixelsReport([comparison(formats.PNG, side(limit - 0.01), side(1))]).shortfalls() == []
        assert len(PixelsReport([comparison(formats.PNG, side(limit + 0.01), side(1))]).shortfalls()) == 1

    def test_there_is_no_margin_in_what_it_looks_like(self) -> None:
        report = PixelsReport([comparison(formats.HEIC, side(1, decibels=39.9), None)])

        assert report.shortfalls() == ["a.heic is at 39.9 dB, the least is 40"]
