"""Other recipes than before: what they have not made is found, some at a time, and never twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.house import House, picture
from tests.house import house as house_below
from vignette import keys
from vignette.model import ImageId, Recipe
from vignette.ports import Lane
from vignette.reindexing import reindex

OTHER = Recipe("small", 64, 64, ("webp",))


@pytest.fixture
def changed(house: House) -> Iterator[House]:
    for _ in range(5):
        house.upload(picture())
    house.work()
    with house_below(house.root, recipes=[OTHER]) as changed:
        yield changed


def made(house: House) -> list[bool]:
    """Of each image, whether the recipe in force has made its vignettes, and all of them."""
    return [
        {name for name in house.files(image.id) if keys.is_vignette(name)} == keys.vignettes([OTHER])
        for image in house.catalogue.newest(100)
    ]


def test_what_other_recipes_have_made_is_queued_in_the_slow_lane_once(changed: House) -> None:
    changed.renewal.advance()
    changed.renewal.advance()

    assert changed.jobs.hinted == [0, 1, 2, 3, 4]
    assert set(changed.jobs.lanes.values()) == {Lane.BULK}
    changed.work()
    changed.renewal.advance()
    assert changed.jobs.hinted == []
    assert made(changed) == [True] * 5


def test_only_so_many_wait_at_a_time(changed: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vignette.renewal.SWEEP_BATCH", 2)

    changed.renewal.advance()
    changed.renewal.advance()
    assert len(changed.jobs.hinted) == 2
    changed.work()
    assert sum(made(changed)) == 2

    for _ in range(2):
        changed.renewal.advance()
        changed.work()
    assert made(changed) == [True] * 5


def test_none_is_added_where_uploads_wait(changed: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vignette.renewal.SWEEP_BATCH", 2)
    for _ in range(2):
        changed.upload(picture())

    changed.renewal.advance()

    assert changed.jobs.hinted == [5, 6]


def test_what_the_queue_lost_is_found_again(changed: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vignette.upkeep._HINT_MAX_AGE_S", -1)
    changed.jobs.is_down = True
    changed.renewal.advance()
    changed.jobs.is_down = False

    changed.upkeep.sweep()
    changed.work()

    assert made(changed) == [True] * 5


def test_a_catalogue_that_was_rebuilt_knows_what_other_recipes_have_made(changed: House) -> None:
    changed.renewal.advance()
    changed.thumbnails.render(ImageId(3))
    changed.jobs.hinted.clear()

    reindex(changed.store, changed.catalogue)
    changed.renewal.advance()

    assert changed.jobs.hinted == [0, 1, 2, 4]


def test_an_image_that_has_failed_is_left_to_a_person(changed: House) -> None:
    with changed.catalogue._write() as connection:
        connection.exec_driver_sql("UPDATE image SET state = 'failed' WHERE id = 2")

    changed.renewal.advance()

    assert changed.jobs.hinted == [0, 1, 3, 4]
