"""What `ports.catalogue.Renderings` promises, on each database that we support."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.contract.cataloguing import FAILURE, PLACEHOLDER, add, finished, published
from tests.running import until
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.model import Failure, Need, State


def test_an_image_is_rendered_by_one_worker_at_a_time(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)

    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: catalogue.renderings.claim(image_id, 60), range(8)))

    assert sum(claim is not None for claim in claims) == 1
    assert catalogue.library.get(image_id).state is State.PROCESSING


def test_a_claim_whose_lease_ended_can_be_taken_over(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)
    first = catalogue.renderings.claim(image_id, lease_s=-1)

    second = catalogue.renderings.claim(image_id, lease_s=60)

    assert first is not None
    assert second is not None
    assert (first.attempt, second.attempt) == (1, 2)
    assert not catalogue.renderings.finish(first, None)
    assert catalogue.renderings.finish(second, None)
    assert catalogue.library.get(image_id).state is State.READY


@pytest.mark.parametrize(("failure", "state"), [(None, State.READY), (FAILURE, State.FAILED)])
def test_a_verdict_ends_the_work(catalogue: SqlCatalogue, failure: Failure | None, state: State) -> None:
    image_id = add(catalogue)
    claim = catalogue.renderings.claim(image_id, 60)
    assert claim is not None
    assert catalogue.waiting.unfinished() == 1

    assert catalogue.renderings.finish(claim, failure)

    assert (catalogue.library.get(image_id).state, catalogue.library.get(image_id).failure) == (state, failure)
    assert catalogue.renderings.claim(image_id, 60) is None
    assert catalogue.waiting.unfinished() == 0
    assert not catalogue.renderings.finish(claim, None)


def test_a_verdict_brings_what_to_show_and_a_deletion_takes_it_away(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)
    claim = catalogue.renderings.claim(image_id, 60)
    assert claim is not None

    catalogue.renderings.finish(claim, None, PLACEHOLDER)
    assert catalogue.library.get(image_id).placeholder == PLACEHOLDER
    catalogue.waiting.reset(image_id)
    assert catalogue.library.get(image_id).placeholder == PLACEHOLDER

    catalogue.removals.begin_delete(image_id)
    catalogue.removals.end_delete(image_id)
    assert catalogue.library.get(image_id).placeholder is None


def test_a_released_image_waits_for_its_pause(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)
    catalogue.renderings.claim(image_id, 60)

    catalogue.renderings.release(image_id, FAILURE, pause_s=60)

    assert catalogue.renderings.claim(image_id, 60) is None
    assert catalogue.library.get(image_id).failure == FAILURE


def test_a_released_image_is_tried_again_after_its_pause(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)
    catalogue.renderings.claim(image_id, 60)

    catalogue.renderings.release(image_id, FAILURE, pause_s=-1)

    claim = catalogue.renderings.claim(image_id, 60)
    assert claim is not None
    assert claim.attempt == 2
    assert claim.image.failure == FAILURE


def test_a_postponed_attempt_does_not_count(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)
    claim = catalogue.renderings.claim(image_id, 60)
    assert claim is not None

    catalogue.renderings.postpone(claim, FAILURE, pause_s=-1)

    again = catalogue.renderings.claim(image_id, 60)
    assert again is not None
    assert (again.attempt, again.image) == (1, replace(claim.image, failure=FAILURE))


def test_a_postponed_image_waits_for_its_pause_and_is_then_handed_out(catalogue: SqlCatalogue) -> None:
    waiting, due = add(catalogue), add(catalogue)
    for image_id, pause_s in ((waiting, 60), (due, 0)):
        claim = catalogue.renderings.claim(image_id, 60)
        assert claim is not None
        catalogue.renderings.postpone(claim, FAILURE, pause_s)

    assert catalogue.renderings.claim(waiting, 60) is None
    until(lambda: list(catalogue.waiting.interrupted(10)) == [due])


def test_an_attempt_that_is_over_cannot_be_postponed(catalogue: SqlCatalogue) -> None:
    claim = catalogue.renderings.claim(add(catalogue), 60)
    assert claim is not None
    catalogue.renderings.finish(claim, None)

    catalogue.renderings.postpone(claim, FAILURE, pause_s=0)

    assert catalogue.library.get(claim.image.id) == replace(claim.image, state=State.READY)


def test_a_failed_image_can_be_reset(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)
    claim = catalogue.renderings.claim(image_id, 60)
    assert claim is not None
    catalogue.renderings.finish(claim, FAILURE)

    catalogue.waiting.reset(image_id)

    image = catalogue.library.get(image_id)
    assert (image.state, image.attempts, image.failure) == (State.PENDING, 0, None)


class TestCompleting:
    """It is ready: the default vignettes are there. Others are still to come."""

    @pytest.mark.parametrize("goes_on", [True, False])
    def test_it_is_ready_with_what_it_has_and_its_rest_is_a_need_of_its_own(
        self, catalogue: SqlCatalogue, goes_on: bool
    ) -> None:
        image = catalogue.library.get(published(catalogue, goes_on=goes_on).image.id)

        assert (image.state, image.need, image.sizes) == (State.READY, Need.REST, ("small",))
        assert (image.placeholder, image.recipe_set) == (PLACEHOLDER, "default")
        assert image.has("small")
        assert not image.has("large")
        assert catalogue.waiting.unfinished() == 1
        assert catalogue.library.in_state(State.READY, 10) == [image.id]
        assert [due.image_id for due in catalogue.waiting.due("all", 10)] == [image.id]

    def test_the_worker_goes_on_under_the_same_lease(self, catalogue: SqlCatalogue) -> None:
        claim = published(catalogue, goes_on=True)

        assert (claim.attempt, claim.image.need) == (1, Need.REST)
        assert catalogue.waiting.unclaimed() == 0
        assert catalogue.renderings.claim(claim.image.id, 60) is None
        assert catalogue.renderings.finish(claim, None, None, "all", ("large", "small"))
        image = catalogue.library.get(claim.image.id)
        assert (image.state, image.need, image.recipe_set, image.placeholder) == (State.READY, None, "all", PLACEHOLDER)
        assert image.sizes == ("large", "small")
        assert catalogue.waiting.unfinished() == 0

    def test_the_worker_may_stop_between_any_two_steps(self, catalogue: SqlCatalogue) -> None:
        claim = published(catalogue, goes_on=True)

        left = catalogue.renderings.publish(claim, None, "more", ("large", "small"), goes_on=False)

        assert left is not None
        assert (left.image.sizes, left.image.placeholder, left.image.recipe_set) == (
            ("large", "small"),
            PLACEHOLDER,
            "more",
        )
        assert catalogue.waiting.unclaimed() == 1
        again = catalogue.renderings.claim(claim.image.id, 60)
        assert again is not None
        assert (again.attempt, again.image.need) == (1, Need.REST)

    @pytest.mark.parametrize("goes_on", [True, False])
    def test_the_claim_that_published_it_holds_no_longer(self, catalogue: SqlCatalogue, goes_on: bool) -> None:
        first = catalogue.renderings.claim(add(catalogue), 60)
        assert first is not None
        assert catalogue.renderings.publish(first, None, "default", ("small",), goes_on=goes_on) is not None

        assert catalogue.renderings.publish(first, None, "default", (), goes_on=goes_on) is None
        assert not catalogue.renderings.finish(first, FAILURE)
        catalogue.renderings.postpone(first, FAILURE, pause_s=0)

        image = catalogue.library.get(first.image.id)
        assert (image.state, image.need, image.failure, image.sizes) == (State.READY, Need.REST, None, ("small",))

    @pytest.mark.parametrize("goes_on", [True, False])
    def test_a_claim_that_another_worker_took_over_never_holds_again(
        self, catalogue: SqlCatalogue, goes_on: bool
    ) -> None:
        """Attempts begin anew when the image is published: a later claim may have the number of an earlier one."""
        image_id = published(catalogue).image.id
        stalled = catalogue.renderings.claim(image_id, lease_s=-1)
        second = catalogue.renderings.claim(image_id, lease_s=60)
        assert stalled is not None
        assert second is not None
        later = catalogue.renderings.publish(second, None, "more", ("large", "small"), goes_on=goes_on)
        later = later if goes_on else catalogue.renderings.claim(image_id, lease_s=60)
        assert later is not None
        assert (stalled.attempt, later.attempt) == (1, 1)

        assert catalogue.renderings.in_hand(image_id) == later
        assert not catalogue.renderings.finish(stalled, FAILURE)
        assert catalogue.renderings.publish(stalled, None, "less", ("small",), goes_on=True) is None
        catalogue.renderings.postpone(stalled, FAILURE, pause_s=-1)

        assert catalogue.renderings.in_hand(image_id) == later
        assert catalogue.renderings.finish(later, None, None, "all", ("large", "small"))
        assert catalogue.renderings.in_hand(image_id) is None

    def test_earlier_attempts_do_not_count(self, catalogue: SqlCatalogue) -> None:
        image_id = add(catalogue)
        for _ in range(2):
            catalogue.renderings.claim(image_id, lease_s=-1)
        claim = catalogue.renderings.claim(image_id, 60)
        assert claim is not None
        assert claim.attempt == 3

        catalogue.renderings.publish(claim, None, "default", ("small",), goes_on=False)

        again = catalogue.renderings.claim(image_id, 60)
        assert again is not None
        assert again.attempt == 1

    def test_if_it_fails_for_good_it_keeps_what_it_has_and_is_told_as_not_rendered(
        self, catalogue: SqlCatalogue
    ) -> None:
        claim = published(catalogue, goes_on=True)

        assert catalogue.renderings.finish(claim, FAILURE, None, "all", ())

        image = catalogue.library.get(claim.image.id)
        assert (image.state, image.need, image.failure) == (State.READY, None, FAILURE)
        assert (image.sizes, image.placeholder) == (("small",), PLACEHOLDER)
        assert catalogue.waiting.renew("all", 10) == []
        assert [due.image_id for due in catalogue.waiting.due("all", 10)] == [image.id]
        catalogue.waiting.reset(image.id)
        assert catalogue.library.get(image.id).need is Need.AGAIN

    def test_an_interrupted_one_waits_and_is_found(self, catalogue: SqlCatalogue) -> None:
        image_id = published(catalogue, goes_on=True).image.id

        catalogue.renderings.release(image_id, FAILURE, pause_s=60)
        assert catalogue.renderings.claim(image_id, 60) is None
        catalogue.renderings.release(image_id, FAILURE, pause_s=-1)

        assert catalogue.waiting.forgotten(min_age_s=-1, limit=10) == {image_id: Need.REST}
        claim = catalogue.renderings.claim(image_id, 60)
        assert claim is not None
        assert (claim.attempt, claim.image.failure) == (2, FAILURE)

    def test_one_whose_worker_died_is_found_when_its_lease_has_ended(self, catalogue: SqlCatalogue) -> None:
        first = catalogue.renderings.claim(add(catalogue), lease_s=0.2)
        assert first is not None
        assert catalogue.renderings.publish(first, None, "default", ("small",), goes_on=True) is not None

        until(lambda: catalogue.waiting.interrupted(10) == {first.image.id: Need.REST})

    def test_all_leases_are_ended_where_nobody_renders(self, catalogue: SqlCatalogue) -> None:
        waiting, deleted = (catalogue.renderings.claim(add(catalogue), lease_s=3600) for _ in range(2))
        assert waiting is not None
        assert deleted is not None
        catalogue.removals.begin_delete(deleted.image.id)

        catalogue.renderings.end_leases()

        until(lambda: waiting.image.id in catalogue.waiting.interrupted(10))
        catalogue.removals.end_delete(deleted.image.id)
        assert catalogue.library.get(deleted.image.id).state is State.DELETED
        again = catalogue.renderings.claim(waiting.image.id, 60)
        assert again is not None
        assert again.attempt == 2
        assert not catalogue.renderings.finish(waiting, None)

    def test_an_attempt_that_does_not_count_does_not(self, catalogue: SqlCatalogue) -> None:
        claim = published(catalogue, goes_on=True)

        catalogue.renderings.postpone(claim, FAILURE, pause_s=-1)

        image = catalogue.library.get(claim.image.id)
        assert (image.attempts, image.state, image.need) == (0, State.READY, Need.REST)
        assert catalogue.renderings.claim(image.id, 60) is not None

    def test_it_comes_behind_those_without_any_vignette_and_before_those_that_are_rendered_again(
        self, catalogue: SqlCatalogue
    ) -> None:
        again = finished(catalogue, "a")
        catalogue.waiting.renew("b", 10)
        rest = published(catalogue).image.id
        first = add(catalogue)

        with catalogue.database.write() as connection:
            connection.exec_driver_sql("UPDATE image SET hinted_at = hinted_at - 60")

        handed_out = [catalogue.waiting.forgotten(min_age_s=30, limit=1) for _ in range(3)]

        assert handed_out == [{first: Need.FIRST}, {rest: Need.REST}, {again: Need.AGAIN}]

    def test_neither_a_change_of_the_recipes_nor_a_second_look_takes_it_out_of_its_turn(
        self, catalogue: SqlCatalogue
    ) -> None:
        image_id = published(catalogue).image.id

        catalogue.waiting.reset(image_id)

        assert catalogue.waiting.renew("others", 10) == []
        assert catalogue.library.get(image_id).need is Need.REST

    def test_one_whose_files_the_disk_has_refused_is_rendered_again_once_its_worker_writes_no_more(
        self, catalogue: SqlCatalogue
    ) -> None:
        claim = published(catalogue, goes_on=True)

        catalogue.waiting.reset(claim.image.id, even_completing=True)

        image = catalogue.library.get(claim.image.id)
        assert (image.need, image.attempts, image.sizes) == (Need.AGAIN, 0, ("small",))
        assert not catalogue.renderings.finish(claim, None, None, "all", ("large", "small"))
        assert catalogue.renderings.claim(image.id, 60) is None
        catalogue.removals.begin_delete(image.id)
        catalogue.removals.end_delete(image.id)
        assert catalogue.library.get(image.id).state is State.DELETING  # the worker may still write

    def test_one_that_nobody_completes_is_rendered_again_if_the_disk_has_refused_its_files(
        self, catalogue: SqlCatalogue
    ) -> None:
        image_id = published(catalogue).image.id

        catalogue.waiting.reset(image_id, even_completing=True)

        again = catalogue.renderings.claim(image_id, 60)
        assert again is not None
        assert (again.attempt, again.image.need) == (1, Need.AGAIN)

    @pytest.mark.parametrize("goes_on", [True, False])
    def test_it_may_be_deleted_and_a_verdict_does_not_bring_it_back(
        self, catalogue: SqlCatalogue, goes_on: bool
    ) -> None:
        claim = published(catalogue, goes_on=goes_on)

        assert catalogue.removals.begin_delete(claim.image.id)
        catalogue.removals.end_delete(claim.image.id)
        assert catalogue.library.get(claim.image.id).state is (State.DELETING if goes_on else State.DELETED)
        assert catalogue.renderings.publish(claim, None, "more", (), goes_on=True) is None
        assert not catalogue.renderings.finish(claim, None)
        catalogue.removals.end_delete(claim.image.id)

        assert catalogue.library.get(claim.image.id).state is State.DELETED
        assert catalogue.waiting.unfinished() == 0

    def test_one_that_is_deleted_while_it_is_published_is_not_kept_by_the_lease(self, catalogue: SqlCatalogue) -> None:
        claim = catalogue.renderings.claim(add(catalogue), 60)
        assert claim is not None
        catalogue.removals.begin_delete(claim.image.id)

        assert catalogue.renderings.publish(claim, PLACEHOLDER, "default", ("small",), goes_on=True) is None

        catalogue.removals.end_delete(claim.image.id)
        assert catalogue.library.get(claim.image.id).state is State.DELETED

    def test_what_was_restored_or_indexed_waits_for_its_rest(self, catalogue: SqlCatalogue) -> None:
        image = catalogue.library.get(published(catalogue).image.id)

        catalogue.index.restore([(image.id, image)])
        assert catalogue.library.get(image.id) == image
        catalogue.index.index(image.id, lambda: image)

        assert catalogue.library.get(image.id) == image
        assert catalogue.waiting.forgotten(min_age_s=60, limit=10) == {image.id: Need.REST}


def test_a_verdict_does_not_bring_a_deleted_image_back(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)
    claim = catalogue.renderings.claim(image_id, 60)
    assert claim is not None
    catalogue.removals.begin_delete(image_id)

    assert not catalogue.renderings.finish(claim, None)

    assert catalogue.library.get(image_id).state is State.DELETING
