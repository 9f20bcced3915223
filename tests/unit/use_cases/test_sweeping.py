from __future__ import annotations

import pytest

from tests.house import House, picture
from vignette.errors import StoreUnavailable
from vignette.limits import STAGING_MAX_AGE_S
from vignette.model import ImageId, State
from vignette.ports.jobs import Lane, Taken


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work counts as forgotten at once."""
    monkeypatch.setattr("vignette.use_cases.sweeping._HINT_MAX_AGE_S", -1)


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
    unfinished = house.catalogue.waiting.unfinished

    def count_before_one_is_done(at_most: int | None = None) -> int:
        count = unfinished(at_most)
        house.rendering.render(house.jobs.hinted.pop(0))
        return count

    monkeypatch.setattr(house.catalogue.waiting, "unfinished", count_before_one_is_done)
    house.sweeping.sweep()

    assert house.jobs.hinted == [2]


def test_an_upload_that_comes_while_jobs_are_counted_is_no_lost_job(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.upload(picture())
    unfinished = house.catalogue.waiting.unfinished

    def count_after_one_has_come(at_most: int | None = None) -> int:
        house.upload(picture())
        return unfinished(at_most)

    monkeypatch.setattr(house.catalogue.waiting, "unfinished", count_after_one_has_come)
    house.sweeping.sweep()

    assert house.jobs.hinted == [0, 1, 2]


def test_a_few_lost_jobs_are_found_behind_a_backlog(house: House) -> None:
    for _ in range(5):
        house.upload(picture())
    del house.jobs.hinted[1:3]

    house.sweeping.sweep()

    assert set(house.jobs.hinted) == {0, 1, 2, 3, 4}


class TestWhatAWorkerTookAndDropped:
    """It is known again by its image and its delivery, whatever else waits, and however long."""

    @pytest.fixture(autouse=True)
    def _much_patience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing counts as forgotten."""
        monkeypatch.setattr("vignette.use_cases.sweeping._HINT_MAX_AGE_S", 600)

    @pytest.fixture
    def house(self, house: House) -> House:
        """Four images wait; the last was taken by a worker."""
        for _ in range(4):
            house.upload(picture())
        house.jobs.taken = {Taken("a", house.jobs.hinted.pop())}
        return house

    def test_is_queued_at_the_second_look_before_all_others(self, house: House) -> None:
        house.sweeping.sweep()
        assert house.jobs.hinted == [0, 1, 2]

        house.sweeping.sweep()

        assert house.jobs.hinted == [0, 1, 2, 3]
        assert house.jobs.lanes[ImageId(3)] is Lane.FAST

    def test_is_queued_once_for_each_time_that_it_was_dropped(self, house: House) -> None:
        for _ in range(5):
            house.sweeping.sweep()
        house.jobs.taken |= {Taken("b", house.jobs.hinted.pop())}
        for _ in range(5):
            house.sweeping.sweep()

        assert house.jobs.hinted == [0, 1, 2, 3]

    def test_is_not_what_was_claimed_by_the_second_look(self, house: House) -> None:
        house.sweeping.sweep()
        house.catalogue.renderings.claim(ImageId(3), lease_s=60)

        house.sweeping.sweep()

        assert house.jobs.hinted == [0, 1, 2]

    def test_is_not_what_others_have_just_taken_at_each_look(self, house: House) -> None:
        house.sweeping.sweep()
        house.catalogue.renderings.claim(ImageId(3), lease_s=60)
        house.jobs.taken |= {Taken("b", house.jobs.hinted.pop())}

        house.sweeping.sweep()

        assert house.jobs.hinted == [0, 1]


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
        house.removal.delete(ImageId(0))

    house.sweeping.sweep()

    assert house.jobs.hinted == [1]


def test_nothing_is_queued_where_nothing_waits(house: House) -> None:
    house.upload(picture())
    house.work()

    house.sweeping.sweep()

    assert house.jobs.hinted == []


def test_what_uploads_left_behind_is_cleared_after_its_age(house: House) -> None:
    old, young = house.store.stage(), house.store.stage()
    house.sweeping.sweep()
    assert not house.is_clean()

    assert house.store.clear_staging(max_age_s=-STAGING_MAX_AGE_S) == 2

    assert house.is_clean()
    old.discard()
    young.discard()


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
            house.removal.delete(ImageId(0))
    assert house.catalogue.library.get(ImageId(0)).state.is_gone

    house.sweeping.sweep()

    assert house.catalogue.library.get(ImageId(0)).state is State.DELETED
    assert house.files(0) == {"deleted.json"}
