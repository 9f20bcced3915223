from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import House, picture
from tests.house import house as house_below
from vignette.access.actors import NOBODY
from vignette.errors import StoreUnavailable
from vignette.model import ImageId, State
from vignette.ports.jobs import Lane
from vignette.use_cases.sweeping import Sweeping


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Work counts as forgotten at once."""
    with house_below(tmp_path, hint_max_age_s=-1) as house:
        yield house


def test_a_job_that_the_queue_lost_is_queued_again(house: House) -> None:
    house.upload(picture())
    house.jobs.hinted.clear()

    house.sweeping.sweep()

    assert house.jobs.hinted == [0]
    assert house.jobs.lanes[ImageId(0)] is Lane.BULK


def test_an_upload_that_came_while_the_queue_was_down_is_queued_once_it_is_back(house: House) -> None:
    house.jobs.is_down = True
    house.upload(picture())
    house.sweeping.sweep()
    house.jobs.is_down = False

    house.sweeping.sweep()
    house.work()

    assert house.catalogue.library.get(ImageId(0)).state is State.READY


def test_a_backlog_is_not_queued_a_second_time(house: House) -> None:
    for _ in range(5):
        house.upload(picture())

    house.sweeping.sweep()

    assert house.jobs.hinted == [0, 1, 2, 3, 4]


def test_work_that_ends_while_it_is_counted_is_no_lost_job(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        house.upload(picture())
    unclaimed = house.catalogue.waiting.unclaimed

    def count_before_one_is_done(at_most: int | None = None) -> int:
        count = unclaimed(at_most)
        house.rendering.render(house.jobs.hinted.pop(0))
        return count

    monkeypatch.setattr(house.catalogue.waiting, "unclaimed", count_before_one_is_done)
    house.sweeping.sweep()

    assert house.jobs.hinted == [2]


def test_an_upload_that_comes_while_jobs_are_counted_is_no_lost_job(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.upload(picture())
    unclaimed = house.catalogue.waiting.unclaimed

    def count_after_one_has_come(at_most: int | None = None) -> int:
        house.upload(picture())
        return unclaimed(at_most)

    monkeypatch.setattr(house.catalogue.waiting, "unclaimed", count_after_one_has_come)
    house.sweeping.sweep()

    assert house.jobs.hinted == [0, 1, 2]


class TestJobsThatAreMissingFromALongQueue:
    """Six images wait, and a worker took jobs of them and died before it claimed any."""

    @pytest.fixture
    def house(self, house: House) -> House:
        for _ in range(6):
            house.upload(picture())
        return house

    def test_as_many_are_queued_as_are_missing(self, house: House) -> None:
        del house.jobs.hinted[:2]

        for _ in range(5):
            house.sweeping.sweep()

        assert len(house.jobs.hinted) == 6

    def test_those_that_wait_longest_have_their_turn_before_all_others(self, house: House) -> None:
        del house.jobs.hinted[:2]

        house.sweeping.sweep()

        assert house.jobs.hinted[4:] == [0, 1]
        assert house.jobs.lanes[ImageId(0)] is house.jobs.lanes[ImageId(1)] is Lane.FAST

    def test_when_most_are_missing_the_queue_has_lost_them_and_nobody_is_overtaken(self, house: House) -> None:
        del house.jobs.hinted[:5]

        house.sweeping.sweep()

        assert house.jobs.hinted[1:] == [0, 1, 2, 3, 4]
        assert set(map(house.jobs.lanes.get, house.jobs.hinted[1:])) == {Lane.BULK}

    def test_every_image_comes_although_another_was_queued_in_its_place(self, house: House) -> None:
        house.jobs.hinted.remove(ImageId(4))

        for _ in range(10):
            house.sweeping.sweep()
            if house.jobs.hinted:
                house.rendering.render(house.jobs.hinted.pop(0))

        assert house.catalogue.waiting.unfinished() == 0

    def test_what_has_been_queued_a_moment_ago_may_still_be_on_its_way(self, tmp_path: Path) -> None:
        with house_below(tmp_path, hint_max_age_s=60) as house:
            house.upload(picture())
            house.jobs.hinted.clear()

            house.sweeping.sweep()

            assert house.jobs.hinted == []

    def test_an_image_in_hand_or_in_its_pause_is_not_missing(self, house: House) -> None:
        for image_id in house.jobs.hinted[:3]:
            house.catalogue.renderings.claim(image_id, lease_s=60)
        del house.jobs.hinted[:3]

        house.sweeping.sweep()

        assert house.jobs.hinted == [3, 4, 5]


@pytest.mark.parametrize(("work", "told"), [("waits", 2), ("waits for the queue", 0), ("is done", 0)])
def test_it_tells_how_many_jobs_wait(house: House, work: str, told: int) -> None:
    for _ in range(2):
        house.upload(picture())
    if work == "is done":
        house.work()
    house.jobs.is_down = work == "waits for the queue"

    assert house.sweeping.sweep() == told


def test_an_image_whose_worker_died_is_queued_although_there_is_a_backlog(house: House) -> None:
    house.upload(picture())
    house.upload(picture())
    house.catalogue.renderings.claim(ImageId(0), lease_s=-1)
    house.jobs.hinted = [ImageId(0), ImageId(1)]
    house.sql("UPDATE image SET hinted_at = lease_until - 1 WHERE id = 0")

    house.sweeping.sweep()

    assert house.jobs.hinted == [0, 1, 0]


def test_one_thing_that_fails_keeps_nothing_else_from_being_done(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("a file cannot be removed")

    for _ in range(2):
        house.upload(picture())
    house.jobs.hinted.clear()
    monkeypatch.setattr(house.store, "remove_all_but", fail)
    monkeypatch.setattr(house.store, "clear_staging", fail)
    with pytest.raises(StoreUnavailable):
        house.removal.delete(NOBODY, ImageId(0))

    house.sweeping.sweep()

    assert house.jobs.hinted == [1]


def test_nothing_is_queued_where_nothing_waits(house: House) -> None:
    house.upload(picture())
    house.work()

    house.sweeping.sweep()

    assert house.jobs.hinted == []


def test_what_uploads_left_behind_is_cleared_after_its_age(house: House) -> None:
    staged = [house.store.stage(), house.store.stage()]
    house.sweeping.sweep()
    assert not house.is_clean()
    sweeping = Sweeping(
        house.store,
        house.catalogue.library,
        house.catalogue.waiting,
        house.jobs,
        house.removal,
        staging_max_age_s=-1,  # all that is there is older
    )

    sweeping.sweep()

    assert house.is_clean()
    for upload in staged:
        upload.discard()


@pytest.mark.parametrize("crash_after", ["begin_delete", "write", "remove_all_but"])
def test_a_deletion_that_a_crash_cut_short_is_finished_by_the_sweep(
    house: House, monkeypatch: pytest.MonkeyPatch, crash_after: str
) -> None:
    class Crash(Exception):
        pass

    part = house.catalogue.removals if crash_after == "begin_delete" else house.store
    step = getattr(part, crash_after)

    def step_and_crash(*arguments: object) -> None:
        step(*arguments)
        raise Crash

    house.upload(picture())
    house.work()
    with monkeypatch.context() as patch:
        patch.setattr(part, crash_after, step_and_crash)
        with pytest.raises(Crash):
            house.removal.delete(NOBODY, ImageId(0))
    assert house.catalogue.library.get(ImageId(0)).state.is_gone

    house.sweeping.sweep()

    assert house.catalogue.library.get(ImageId(0)).state is State.DELETED
    assert house.files(0) == {"deleted.json"}
