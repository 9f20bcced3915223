"""What benches wait for: the files of vignettes, and the word of the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import House, picture
from vignette.errors import RenderingFailed
from vignette.recipes import Recipe
from vignette.trials.bench.progress import Progress
from vignette.trials.bench.tools import BenchUnavailable
from vignette.trials.own_service import OwnService

RECIPES = (Recipe("small", 64, 64), Recipe("large", 128, 128))


def progress(house: House, limit_s: float = 30.0, *, failures: bool = False) -> Progress:
    return Progress(OwnService(house.root), house.catalogue, RECIPES, limit_s=limit_s, failures=failures)


def test_it_waits_for_all_vignettes_of_all_images(tmp_path: Path) -> None:
    house = House(tmp_path, recipes=RECIPES)
    images = [house.upload(picture(40 + number)).id for number in range(3)]
    with pytest.raises(BenchUnavailable, match="no vignettes after 0 s"):
        progress(house, limit_s=0.1).until_default(images)

    house.work()

    progress(house).until_default(images)
    progress(house).until_all(images)
    next((tmp_path / "uploads" / str(images[-1])).glob("vignette-large-*")).unlink()
    progress(house).until_default(images)
    with pytest.raises(BenchUnavailable, match="no vignettes after 0 s"):
        progress(house, limit_s=0.1).until_all(images)
    house.close()


def test_an_image_that_fails_ends_the_wait_as_it_was_asked_to(tmp_path: Path) -> None:
    def renderer(*_: object) -> None:
        raise RenderingFailed("this one cannot be rendered")

    house = House(tmp_path, recipes=RECIPES, renderer=renderer)  # type: ignore[arg-type]
    images = [house.upload(picture()).id]
    house.work()

    with pytest.raises(BenchUnavailable, match="of image 0 no vignette can be made"):
        progress(house).until_default(images)
    progress(house, failures=True).until_all(images)
    house.close()
