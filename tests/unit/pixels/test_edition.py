"""
The renderer makes the pixels of its edition.

A vignette is rendered again only when `RENDERER_EDITION` is counted up. So other pixels in the same edition would leave
old vignettes and new ones side by side, for good.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.makers import encoded, picture
from tests.renditions import (
    FOLDER,
    HOW_TO_MEND,
    LEAST_DECIBELS,
    SOURCES_FOLDER,
    likeness,
    references,
    update,
    vignettes,
)
from tests.unit.pixels.reading import anatomy
from tests.unit.pixels.sources import SOURCES
from vignette.pixels import formats
from vignette.recipes import RENDERER_EDITION


@pytest.mark.parametrize("source", SOURCES)
def test_its_pixels_are_those_of_the_references(source: str) -> None:
    for name, content in vignettes(source).items():
        reference = references() / name
        assert reference.exists(), f"edition {RENDERER_EDITION} has no reference {name}: run script/renditions"
        found = likeness(content, reference.read_bytes())
        assert found >= LEAST_DECIBELS, f"{name}: {found:.1f} dB. {HOW_TO_MEND}"


def test_there_is_a_picture_of_each_format() -> None:
    found = {anatomy(path.read_bytes()).format for path in SOURCES_FOLDER.iterdir()}

    assert {path.name for path in SOURCES_FOLDER.iterdir()} == set(SOURCES)
    assert found == set(formats.ACCEPTED_FORMATS) - {formats.HEIF}  # it differs from HEIC in the name of its brand


def test_there_are_references_of_the_edition_in_force_only() -> None:
    made = {name for source in SOURCES for name in vignettes(source)}

    assert {path.name for path in FOLDER.iterdir()} == {SOURCES_FOLDER.name, references().name}
    assert {path.name for path in references().iterdir()} == made


class TestLikeness:
    def test_what_is_the_same_is_infinitely_alike(self) -> None:
        content = encoded(picture(), "WEBP")

        assert likeness(content, content) == math.inf

    @pytest.mark.parametrize("mode", ["RGB", "RGBA"])
    def test_a_slight_difference_is_told_in_decibels(self, mode: str) -> None:
        one = encoded(Image.new(mode, (40, 30), (100, 100, 100, 255)[: len(mode)]), "PNG")
        other = encoded(Image.new(mode, (40, 30), (101, 101, 101, 255)[: len(mode)]), "PNG")

        assert likeness(one, other) == pytest.approx(48.1, abs=0.1)

    def test_another_transparency_is_a_difference(self) -> None:
        one, other = (encoded(Image.new("RGBA", (40, 30), (0, 0, 0, alpha)), "PNG") for alpha in (255, 200))

        assert likeness(one, other) < LEAST_DECIBELS

    def test_the_frames_are_compared(self) -> None:
        assert likeness(_moving(), _moving()) == math.inf
        assert likeness(_moving(), _moving(shift=9)) < LEAST_DECIBELS

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(lambda: _moving(width=41), id="size"),
            pytest.param(lambda: _moving(count=4), id="number of frames"),
            pytest.param(lambda: _moving(milliseconds=60), id="times"),
        ],
    )
    def test_another_shape_is_not_alike_at_all(self, other: Callable[[], bytes]) -> None:
        assert likeness(_moving(), other()) == -math.inf


def _moving(width: int = 40, count: int = 3, milliseconds: int = 50, shift: int = 0) -> bytes:
    first, *others = [picture(width, shift=40 * step + shift * (step == 1)) for step in range(count)]
    timing = {"save_all": True, "append_images": others, "duration": milliseconds}
    return encoded(first, "WEBP", lossless=True, **timing)


class TestTheCommand:
    """`script/renditions`, on a copy."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return Path(shutil.copytree(FOLDER, tmp_path / "renditions"))

    def test_references_of_an_edition_are_not_replaced(self, folder: Path) -> None:
        changed, missing = references(folder) / "png.centre.jpeg", references(folder) / "bmp.inside.webp"
        changed.write_bytes(encoded(picture(40, 40), "JPEG"))
        missing.unlink()
        before = changed.read_bytes()

        assert [line.split(":")[0] for line in update(folder)] == [changed.name]
        assert changed.read_bytes() == before
        assert not missing.exists()

    def test_what_is_missing_is_added_and_what_is_of_no_use_removed(self, folder: Path) -> None:
        missing, surplus = references(folder) / "bmp.inside.webp", references(folder) / "of-no-picture.webp"
        before = missing.read_bytes()
        missing.unlink()
        surplus.touch()

        assert update(folder) == []
        assert likeness(missing.read_bytes(), before) >= LEAST_DECIBELS
        assert not surplus.exists()

    def test_a_new_edition_takes_the_place_of_the_one_before(self, folder: Path) -> None:
        names = {path.name for path in references(folder).iterdir()}

        assert update(folder, RENDERER_EDITION + 1) == []

        assert not references(folder).exists()
        assert {path.name for path in references(folder, RENDERER_EDITION + 1).iterdir()} == names
