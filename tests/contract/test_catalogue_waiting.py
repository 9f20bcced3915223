"""What `ports.catalogue.Waiting` promises, on each database that we support."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final

import pytest
import sqlalchemy as sa

from tests.contract.cataloguing import FAILURE, PLACEHOLDER, add, due, finished, published
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.sql.counter import lock_numbers
from vignette.model import ImageId, Need, Placeholder, State


def test_forgotten_images_are_handed_out_once(catalogue: SqlCatalogue) -> None:
    add(catalogue, 3)

    assert list(catalogue.waiting.forgotten(min_age_s=60, limit=10)) == []
    assert list(catalogue.waiting.forgotten(min_age_s=-1, limit=2)) == [0, 1]
    assert list(catalogue.waiting.forgotten(min_age_s=60, limit=10)) == []


def test_an_image_that_is_being_rendered_is_not_forgotten(catalogue: SqlCatalogue) -> None:
    catalogue.renderings.claim(add(catalogue), 60)

    assert list(catalogue.waiting.forgotten(min_age_s=-1, limit=10)) == []
    assert list(catalogue.waiting.interrupted(10)) == []


def test_an_image_whose_worker_died_is_handed_out_once_and_then_counts_as_forgotten(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)
    catalogue.renderings.claim(image_id, lease_s=0.001)
    wait_for_lease = threading.Event()
    while not (interrupted := catalogue.waiting.interrupted(10)):
        wait_for_lease.wait(0.005)

    assert interrupted == {image_id: Need.FIRST}
    assert list(catalogue.waiting.interrupted(10)) == []
    assert list(catalogue.waiting.forgotten(min_age_s=-1, limit=10)) == [image_id]


def test_unclaimed_is_what_waits_and_nobody_renders(catalogue: SqlCatalogue) -> None:
    assert catalogue.waiting.unclaimed() == 0
    _waiting, rendered, ready, abandoned, deleted = (add(catalogue) for _ in range(5))
    catalogue.renderings.claim(rendered, lease_s=60)
    claim = catalogue.renderings.claim(ready, lease_s=60)
    assert claim is not None
    catalogue.renderings.finish(claim, None)
    catalogue.renderings.claim(abandoned, lease_s=-1)

    catalogue.removals.begin_delete(deleted)

    assert [catalogue.waiting.unclaimed(at_most) for at_most in (0, 1, 2, 3, None)] == [0, 1, 2, 2, 2]


def test_what_is_unfinished_is_counted_no_further_than_it_matters(catalogue: SqlCatalogue) -> None:
    assert catalogue.waiting.unfinished(at_most=2) == 0
    add(catalogue, 3)

    assert [catalogue.waiting.unfinished(at_most) for at_most in (0, 2, 3, 4, None)] == [0, 2, 3, 3, 3]


class TestHandingOut:
    """Several sweeps at once: each image is handed out to one of them."""

    HAND_OUT: Final[Mapping[str, Callable[[SqlCatalogue], list[ImageId]]]] = {
        "forgotten": lambda catalogue: list(catalogue.waiting.forgotten(60, 10)),
        "interrupted": lambda catalogue: list(catalogue.waiting.interrupted(10)),
        "renew": lambda catalogue: catalogue.waiting.renew("b", 10),
    }

    @pytest.fixture(params=HAND_OUT)
    def hand_out(self, request: pytest.FixtureRequest) -> Callable[[SqlCatalogue], list[ImageId]]:
        return self.HAND_OUT[request.param]

    @pytest.fixture
    def thirty_due(self, catalogue: SqlCatalogue) -> SqlCatalogue:
        """Ten are due by each way of being so."""
        for _ in range(10):
            add(catalogue)
            catalogue.renderings.claim(add(catalogue), lease_s=-30)
            finished(catalogue, "a")
        with catalogue.database.write() as connection:
            connection.exec_driver_sql("UPDATE image SET hinted_at = hinted_at - 3600")
        return catalogue

    def test_what_another_takes_between_a_look_and_the_taking_is_his(
        self,
        thirty_due: SqlCatalogue,
        url: str,
        hand_out: Callable[[SqlCatalogue], list[ImageId]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        other = SqlCatalogue(url)
        write = thirty_due.database.write
        taken_by_the_other: list[ImageId] = []

        def write_after_the_other() -> AbstractContextManager[sa.Connection]:
            taken_by_the_other.extend(hand_out(other))
            return write()

        monkeypatch.setattr(thirty_due.database, "write", write_after_the_other)

        assert hand_out(thirty_due) == []
        assert len(taken_by_the_other) == 10
        other.close()

    def test_all_are_handed_out_once(
        self, thirty_due: SqlCatalogue, url: str, hand_out: Callable[[SqlCatalogue], list[ImageId]]
    ) -> None:
        catalogues = [SqlCatalogue(url) for _ in range(4)]

        with ThreadPoolExecutor(4) as pool:
            taken = [number for numbers in pool.map(hand_out, catalogues) for number in numbers]

        assert len(taken) == len(set(taken)) == 10
        assert hand_out(thirty_due) == []
        for catalogue in catalogues:
            catalogue.close()

    @pytest.mark.usefixtures("thirty_due")
    def test_to_find_nothing_waits_for_nobody_who_writes(
        self, catalogue: SqlCatalogue, url: str, hand_out: Callable[[SqlCatalogue], list[ImageId]]
    ) -> None:
        while hand_out(catalogue):
            pass
        writing = SqlCatalogue(url)

        with writing.database.write() as connection:
            lock_numbers(connection)
            assert hand_out(catalogue) == []
        writing.close()


class TestNewcomers:
    """Those without any vignette, as long as nobody renders them."""

    def test_one_that_has_just_come_waits(self, catalogue: SqlCatalogue) -> None:
        assert not catalogue.renderings.newcomers_wait()
        image_id = add(catalogue)
        assert catalogue.renderings.newcomers_wait()

        catalogue.renderings.claim(image_id, 60)

        assert not catalogue.renderings.newcomers_wait()

    def test_one_whose_worker_died_waits_once_its_lease_has_ended(self, catalogue: SqlCatalogue) -> None:
        catalogue.renderings.claim(add(catalogue), lease_s=-30)

        assert catalogue.renderings.newcomers_wait()

    def test_one_whose_worker_died_waits_when_it_is_queued_again(self, catalogue: SqlCatalogue) -> None:
        catalogue.renderings.claim(add(catalogue), lease_s=-30)
        with catalogue.database.write() as connection:
            connection.exec_driver_sql("UPDATE image SET hinted_at = hinted_at - 60")
        assert catalogue.waiting.interrupted(10)

        assert catalogue.renderings.newcomers_wait()

    def test_those_that_are_ready_failed_or_gone_are_none(self, catalogue: SqlCatalogue) -> None:
        finished(catalogue, "a")
        finished(catalogue, "b", FAILURE)
        catalogue.waiting.renew("b", 10)
        published(catalogue)
        deleted = add(catalogue)
        catalogue.removals.begin_delete(deleted)

        assert not catalogue.renderings.newcomers_wait()


class TestRenewing:
    """What other recipes have made."""

    def test_it_is_found_once_and_stays_ready(self, catalogue: SqlCatalogue) -> None:
        by_none, by_lower, by_higher = (finished(catalogue, recipes) for recipes in ("", "a", "c"))
        finished(catalogue, "b")
        finished(catalogue, "a", FAILURE)
        add(catalogue)

        assert catalogue.waiting.renew("b", 10) == [by_none, by_lower, by_higher]
        assert catalogue.waiting.renew("b", 10) == []

        image = catalogue.library.get(by_lower)
        assert (image.state, image.is_renewing, image.attempts, image.recipe_set) == (State.READY, True, 0, "a")
        assert catalogue.waiting.unfinished() == 4
        assert catalogue.library.in_state(State.READY, 10) == [0, 1, 2, 3]

    def test_it_is_handed_out_in_portions(self, catalogue: SqlCatalogue) -> None:
        ids = [finished(catalogue, recipes) for recipes in ("a", "c", "a")]

        first, second, third = (catalogue.waiting.renew("b", 2) for _ in range(3))

        assert (len(first), len(second), len(third)) == (2, 1, 0)
        assert sorted(first + second) == ids

    def test_it_is_claimed_and_finished_as_any_other(self, catalogue: SqlCatalogue) -> None:
        image_id = finished(catalogue, "a")
        catalogue.waiting.renew("b", 10)

        claim = catalogue.renderings.claim(image_id, 60)
        assert claim is not None
        assert (claim.attempt, claim.image.state, claim.image.is_renewing) == (1, State.READY, True)
        assert catalogue.renderings.claim(image_id, 60) is None
        newer = Placeholder("AAAA", "#000000")
        assert catalogue.renderings.finish(claim, None, newer, "b")

        image = catalogue.library.get(image_id)
        assert (image.state, image.is_renewing, image.recipe_set, image.placeholder) == (State.READY, False, "b", newer)
        assert catalogue.waiting.unfinished() == 0
        assert catalogue.waiting.renew("b", 10) == []

    def test_one_that_cannot_be_rendered_again_keeps_what_it_has_and_is_not_handed_out_again(
        self, catalogue: SqlCatalogue
    ) -> None:
        image_id = finished(catalogue, "a")
        catalogue.waiting.renew("b", 10)
        claim = catalogue.renderings.claim(image_id, 60)
        assert claim is not None

        assert catalogue.renderings.finish(claim, FAILURE, None, "b")

        image = catalogue.library.get(image_id)
        assert (image.state, image.is_renewing, image.failure) == (State.READY, False, FAILURE)
        assert image.placeholder == PLACEHOLDER
        assert catalogue.waiting.renew("b", 10) == []
        assert due(catalogue, "b") == [image_id]
        assert catalogue.waiting.renew("c", 10) == [image_id]
        assert catalogue.library.get(image_id).failure is None

    def test_those_given_up_are_found_in_order_and_can_be_completed(self, catalogue: SqlCatalogue) -> None:
        given_up = [finished(catalogue, "a") for _ in range(3)]
        others = [finished(catalogue, "a"), add(catalogue)]
        for image_id in reversed(given_up):
            catalogue.waiting.reset(image_id)
            claim = catalogue.renderings.claim(image_id, 60)
            assert claim is not None
            assert catalogue.renderings.finish(claim, FAILURE, None, "b")
        assert catalogue.library.given_up("a", 10) == []
        assert catalogue.library.given_up("b", 2) == given_up[:2]
        assert catalogue.library.given_up("b", 2, given_up[1]) == given_up[2:]

        catalogue.waiting.reset(given_up[0], only_rest=True)

        image = catalogue.library.get(given_up[0])
        assert (image.state, image.need, image.failure, image.attempts) == (State.READY, Need.REST, None, 0)
        assert [catalogue.library.get(image_id).need for image_id in others] == [None, Need.FIRST]
        assert catalogue.library.given_up("b", 10) == given_up[1:]
        claim = catalogue.renderings.claim(given_up[0], 60)
        assert claim is not None
        assert claim.attempt == 1

    def test_an_interrupted_one_waits_and_is_found(self, catalogue: SqlCatalogue) -> None:
        image_id = finished(catalogue, "a")
        catalogue.waiting.renew("b", 10)
        catalogue.renderings.claim(image_id, 60)

        catalogue.renderings.release(image_id, FAILURE, pause_s=60)
        assert catalogue.renderings.claim(image_id, 60) is None
        catalogue.renderings.release(image_id, FAILURE, pause_s=-1)

        assert list(catalogue.waiting.forgotten(min_age_s=-1, limit=10)) == [image_id]
        claim = catalogue.renderings.claim(image_id, 60)
        assert claim is not None
        assert claim.attempt == 2

    def test_an_attempt_that_does_not_count_does_not(self, catalogue: SqlCatalogue) -> None:
        image_id = finished(catalogue, "a")
        catalogue.waiting.renew("b", 10)
        claim = catalogue.renderings.claim(image_id, 60)
        assert claim is not None

        catalogue.renderings.postpone(claim, FAILURE, pause_s=-1)

        assert catalogue.library.get(image_id).attempts == 0
        assert catalogue.library.get(image_id).state is State.READY

    def test_those_without_any_vignette_are_queued_again_before_it(self, catalogue: SqlCatalogue) -> None:
        finished(catalogue, "a")
        waiting = add(catalogue)
        catalogue.waiting.renew("b", 10)

        assert list(catalogue.waiting.forgotten(min_age_s=-1, limit=1)) == [waiting]

    def test_it_may_be_deleted_and_a_verdict_does_not_bring_it_back(self, catalogue: SqlCatalogue) -> None:
        image_id = finished(catalogue, "a")
        catalogue.waiting.renew("b", 10)
        claim = catalogue.renderings.claim(image_id, 60)
        assert claim is not None

        assert catalogue.removals.begin_delete(image_id)
        catalogue.removals.end_delete(image_id)
        assert catalogue.library.get(image_id).state is State.DELETING
        assert not catalogue.renderings.finish(claim, None, PLACEHOLDER, "b")
        catalogue.removals.end_delete(image_id)

        assert catalogue.library.get(image_id).state is State.DELETED
        assert catalogue.waiting.renew("b", 10) == []

    def test_a_ready_image_is_rendered_again_without_ceasing_to_be_ready(self, catalogue: SqlCatalogue) -> None:
        image_id = finished(catalogue, "a")

        catalogue.waiting.reset(image_id)

        assert catalogue.library.get(image_id).is_renewing
        assert due(catalogue, None) == [image_id]

    @pytest.mark.parametrize("limit", [1, 2, 100])
    def test_all_that_are_due_come_once_in_pages(self, catalogue: SqlCatalogue, limit: int) -> None:
        """Those that failed last come first, and those that wait come last: an image that moves on comes only once."""
        lower, higher = [[finished(catalogue, by) for _ in range(2)] for by in "ac"]
        by_others = [*lower, *higher]
        well, failed, failed_of_others = (finished(catalogue, by) for by in "bba")
        for image_id, by in ((failed, "b"), (failed_of_others, "a")):
            catalogue.waiting.reset(image_id)
            claim = catalogue.renderings.claim(image_id, 60)
            assert claim is not None
            catalogue.renderings.finish(claim, FAILURE, None, by)
        waits = finished(catalogue, "b")
        catalogue.waiting.reset(waits)
        add(catalogue)
        catalogue.removals.begin_delete(finished(catalogue, "a"))

        assert due(catalogue, "b", limit) == [failed, *lower, failed_of_others, *higher, waits]
        assert due(catalogue, None, limit) == [*by_others, well, failed, failed_of_others, waits]
        assert [catalogue.waiting.count_due("b", at_most) for at_most in (0, 3, 7, 100)] == [0, 3, 7, 7]
        assert [catalogue.waiting.count_due(None, at_most) for at_most in (0, 3, 8, 100)] == [0, 3, 8, 8]

    def test_what_was_restored_knows_by_which_recipes_it_was_made(self, catalogue: SqlCatalogue) -> None:
        image = replace(catalogue.library.get(finished(catalogue, "a")), recipe_set="c")

        catalogue.index.restore([(image.id, image)])

        assert catalogue.library.get(image.id) == image
        assert catalogue.waiting.renew("c", 10) == []
