"""First things first: the default vignettes of every image come before any other size of any image."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import SMALL, House, picture
from tests.house import house as house_below
from tests.makers import animation, icc_profile, still
from tests.unit.use_cases.first_things.stepwise import (
    ALL,
    DEFAULT,
    LARGE,
    MOVING,
    SIZES,
    Crash,
    Decoder,
    crash_at,
    crash_twice_more,
    crashed_between,
    is_complete,
    only_the_default,
    outcome,
    vignettes,
)
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.access.policy import Access, Policy
from vignette.errors import ImageNotFailed, RenderingFailed, StoreFull
from vignette.model import ImageId, Need, State
from vignette.ports.jobs import Lane
from vignette.recipes import Recipe
from vignette.records import outcome_from_json
from vignette.use_cases.renewal import Renewal


class TestWarnings:
    """They stay when the rest is made, whichever job made what they are about."""

    BAD_PROFILE = still("JPEG", icc_profile=icc_profile())

    @pytest.mark.parametrize("others_wait", [False, True])
    def test_what_the_first_job_passed_over_is_told_for_good(self, house: House, others_wait: bool) -> None:
        house.upload(self.BAD_PROFILE)
        if others_wait:
            house.upload(picture(64, 48))
            house.rendering.render(house.jobs.take())
            assert outcome(house).warnings == ("profile-not-applied",)
        house.work()

        is_complete(house)
        assert outcome(house).warnings == ("profile-not-applied",)

    def test_what_is_rendered_again_is_warned_of_again(self, house: House) -> None:
        house.upload(self.BAD_PROFILE)
        house.work()
        (house.uploads / "0" / next(iter(DEFAULT))).unlink()
        house.client.get("/vignette/0", headers={"Accept": "image/webp, image/jpeg"})
        house.work()

        assert outcome(house).warnings == ("profile-not-applied",)


class TestWhileOthersWait:
    def test_an_image_is_ready_with_its_default_vignettes_and_tells_what_is_to_come(self, house: House) -> None:
        only_the_default(house)

        image = house.catalogue.library.get(ImageId(0))
        assert (image.state, image.need, image.sizes) == (State.READY, Need.REST, ("small",))
        assert image.placeholder is not None
        assert vignettes(house) == DEFAULT
        assert set(outcome(house).vignettes) == DEFAULT
        assert set(outcome(house).to_come) == ALL - DEFAULT
        assert outcome(house).placeholder == image.placeholder

    def test_nothing_but_the_default_size_is_decoded(self, house: House, decoder: Decoder) -> None:
        only_the_default(house)

        assert decoder.decoded == [["small"]]

    def test_its_rest_is_queued_behind_those_who_wait(self, house: House) -> None:
        only_the_default(house)

        assert house.jobs.hinted == [1, 0]
        assert house.jobs.lanes[ImageId(0)] is Lane.REST

    def test_all_default_vignettes_come_before_any_other_size(self, house: House, decoder: Decoder) -> None:
        for _ in range(4):
            house.upload(picture(64, 48))

        house.work()

        assert decoder.decoded == [["small"]] * 3 + [["small", "large", "banner"]] + [["large", "banner"]] * 3
        is_complete(house)

    @pytest.mark.parametrize("lane", [Lane.FAST, Lane.BULK])
    def test_one_that_is_queued_twice_has_its_turn_once(self, house: House, decoder: Decoder, lane: Lane) -> None:
        first, second = (house.upload(picture(64, 48)).id for _ in range(2))

        for image_id in (first, first, second):
            house.rendering.render(image_id, lane)
        house.rendering.render(first, Lane.REST)

        assert decoder.decoded == [["small"], ["small", "large", "banner"], ["large", "banner"]]
        is_complete(house)

    def test_it_takes_two_transactions(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(2):
            house.upload(picture(64, 48))
        written: list[None] = []
        write = house.catalogue.database.write
        monkeypatch.setattr(house.catalogue.database, "write", lambda: written.append(None) or write())

        house.rendering.render(house.jobs.take())

        assert len(written) == 2

    def test_a_queue_that_is_down_costs_no_size(self, house: House) -> None:
        for _ in range(2):
            house.upload(picture(64, 48))
        house.jobs.is_down = True
        house.work()
        assert house.catalogue.library.get(ImageId(0)).need is Need.REST
        house.jobs.is_down = False

        house.sweeping.sweep()

        assert house.jobs.hinted == [0]
        assert house.jobs.lanes[ImageId(0)] is Lane.REST
        house.work()
        is_complete(house)

    def test_a_queue_that_is_wiped_costs_no_size(self, house: House) -> None:
        only_the_default(house)
        house.jobs.hinted.clear()

        house.sweeping.sweep()

        assert house.jobs.hinted == [1, 0]
        assert house.jobs.lanes == {ImageId(0): Lane.REST, ImageId(1): Lane.BULK}
        house.work()
        is_complete(house)

    def test_where_the_default_is_all_there_is_nothing_is_to_come(self, tmp_path: Path) -> None:
        with house_below(tmp_path, recipes=[SMALL]) as house:
            only_the_default(house)

            assert house.catalogue.library.get(ImageId(0)).need is None
            assert outcome(house).to_come == ()
            assert house.jobs.hinted == [1]


class TestWhenNobodyWaits:
    def test_one_decode_makes_all(self, house: House, decoder: Decoder) -> None:
        house.upload(picture(640, 480))

        house.work()

        assert decoder.decoded == [["small", "large", "banner"]]
        is_complete(house)

    def test_the_default_vignettes_are_published_before_the_others_are_made(
        self, house: House, decoder: Decoder
    ) -> None:
        house.upload(picture(640, 480))
        seen: list[tuple[State, Need | None, set[str]]] = []

        def look(_step: int) -> None:
            image = house.catalogue.library.get(ImageId(0))
            seen.append((image.state, image.need, vignettes(house)))

        decoder.before = look
        house.work()

        assert seen[:2] == [(State.PROCESSING, Need.FIRST, set()), (State.READY, Need.REST, DEFAULT)]
        assert seen[2] == (State.READY, Need.REST, DEFAULT | layout.vignettes([LARGE]))

    @pytest.mark.parametrize("step", [0, 1])
    def test_who_comes_meanwhile_waits_for_one_step_only(self, house: House, decoder: Decoder, step: int) -> None:
        house.upload(picture(640, 480))
        decoder.before = lambda number: house.upload(picture(64, 48)) if number == step else None

        house.rendering.render(house.jobs.take())

        image = house.catalogue.library.get(ImageId(0))
        assert (image.state, image.need, image.attempts) == (State.READY, Need.REST, 0)
        assert image.sizes == (("small",), ("large", "small"))[step]
        assert vignettes(house) == layout.vignettes(SIZES[: step + 1])
        assert house.jobs.hinted == [1, 0]
        assert house.jobs.lanes[ImageId(0)] is Lane.REST
        decoder.before = lambda _: None
        house.work()
        is_complete(house)

    def test_after_an_attempt_that_died_the_default_vignettes_are_made_alone(
        self, house: House, decoder: Decoder
    ) -> None:
        """It may have died of a larger size."""
        house.upload(picture(640, 480))
        assert house.catalogue.renderings.claim(ImageId(0), lease_s=-1) is not None

        house.rendering.render(house.jobs.take())

        assert decoder.decoded == [["small"]]
        assert house.catalogue.library.get(ImageId(0)).need is Need.REST
        house.work()
        is_complete(house)


class TestBetweenTheDefaultAndTheRest:
    def test_a_worker_that_died_leaves_an_image_that_is_ready_and_is_completed(
        self, house: House, decoder: Decoder
    ) -> None:
        crashed_between(house, decoder)
        assert house.client.get("/vignette/0").status_code == 200
        assert house.client.get("/images/0").json["state"] == "ready"
        house.end_leases()

        house.sweeping.sweep()

        assert house.jobs.lanes[ImageId(0)] is Lane.REST
        house.work()
        is_complete(house)
        assert decoder.decoded[-1] == ["large", "banner"]

    def test_an_interruption_is_noted_and_tried_again(self, house: House, decoder: Decoder) -> None:
        crashed_between(house, decoder)

        house.verdicts.interrupted(ImageId(0), RenderingFailed("the process was killed"))

        image = house.catalogue.library.get(ImageId(0))
        assert (image.state, image.need) == (State.READY, Need.REST)
        assert image.failure is not None
        assert house.client.get("/vignette/0?size=large").status_code == 202
        house.end_leases()
        house.sweeping.sweep()
        house.work()
        is_complete(house)

    def test_the_interruption_of_a_job_that_had_left_the_rest_says_nothing(self, house: House) -> None:
        only_the_default(house)

        house.verdicts.interrupted(ImageId(0), RenderingFailed("the process was killed"))

        assert house.catalogue.library.get(ImageId(0)).failure is None
        house.work()
        is_complete(house)

    @pytest.mark.parametrize("is_claimed", [True, False])
    def test_a_deletion_deletes_and_nothing_is_made_any_more(
        self, house: House, decoder: Decoder, is_claimed: bool
    ) -> None:
        if is_claimed:
            house.upload(picture(640, 480))
            decoder.before = lambda number: house.removal.delete(NOBODY, ImageId(0)) if number == 1 else None
        else:
            only_the_default(house)
            house.removal.delete(NOBODY, ImageId(0))

        house.work()

        assert house.files(0) == {"deleted.json"}
        house.sweeping.sweep()
        assert house.catalogue.library.get(ImageId(0)).state is State.DELETED
        assert house.jobs.hinted == []

    def test_one_deleted_while_its_default_vignettes_are_made_stays_deleted(
        self, house: House, decoder: Decoder
    ) -> None:
        house.upload(picture(640, 480))
        decoder.before = lambda number: house.removal.delete(NOBODY, ImageId(0)) if number == 0 else None

        house.work()

        assert house.files(0) == {"deleted.json"}
        assert len(decoder.decoded) == 1
        house.sweeping.sweep()
        assert house.catalogue.library.get(ImageId(0)).state is State.DELETED

    @pytest.mark.parametrize("force", [False, True])
    def test_whoever_has_all_rendered_waits_for_it_too(self, house: House, decoder: Decoder, force: bool) -> None:
        only_the_default(house)
        catalogue = house.catalogue
        catalogue.workers.beat("worker")
        policy = Policy(Access.OPEN)
        renewal = Renewal(
            catalogue.library, catalogue.waiting, catalogue.workers, house.jobs, SIZES, policy, pause=house.work
        )
        assert list(renewal.all_due()) == [0]
        assert renewal.is_due(ImageId(0))

        done = list(renewal.run([ImageId(0)], force=force))

        assert [(one.image_id, one.failure) for one in done] == [(0, None)]
        assert house.jobs.lanes[ImageId(0)] is Lane.REST
        assert decoder.decoded[-1] == ["large", "banner"]  # it was to come anyway
        is_complete(house)

    def test_who_tries_failed_images_again_is_told_that_it_is_ready(self, house: House) -> None:
        only_the_default(house)

        with pytest.raises(ImageNotFailed, match="is ready"):
            house.renewal.retry(NOBODY, ImageId(0))

        assert house.catalogue.library.get(ImageId(0)).need is Need.REST

    def test_a_catalogue_that_was_lost_learns_what_is_to_come_from_the_folders(self, house: House) -> None:
        only_the_default(house)
        before = house.catalogue.library.get(ImageId(0))

        house.reindexing.rebuild()

        assert house.catalogue.library.get(ImageId(0)) == before
        house.jobs.hinted.clear()
        house.sweeping.sweep()
        house.work()
        is_complete(house)

    def test_other_recipes_meanwhile_are_those_that_it_is_completed_by(self, house: House) -> None:
        only_the_default(house)
        others = [Recipe("small", 64, 64), LARGE]

        with house_below(house.root, recipes=others) as changed:
            changed.rendering.render(ImageId(0))

            image = changed.catalogue.library.get(ImageId(0))
            assert image.need is Need.REST
            changed.work()
            changed.rendering.render(ImageId(1))
            changed.rendering.render(ImageId(0))

            image = changed.catalogue.library.get(ImageId(0))
            assert (image.need, image.recipe_set) == (None, layout.recipe_set(layout.vignettes(others)))
            assert vignettes(changed) == layout.vignettes(others)

    def test_what_it_had_by_earlier_recipes_is_served_until_all_is_made(self, tmp_path: Path, decoder: Decoder) -> None:
        medium, other_medium = Recipe("medium", 300, 300), Recipe("medium", 320, 320)
        with house_below(tmp_path, recipes=[SMALL, medium, LARGE], renderer=decoder) as house:
            house.upload(picture(640, 480))
            decoder.before = crash_at(2)
            with pytest.raises(Crash):
                house.work()
            house.end_leases()
            assert house.catalogue.library.get(ImageId(0)).sizes == ("medium", "small")
        with house_below(tmp_path, recipes=[SMALL, LARGE, other_medium], renderer=decoder) as house:
            statuses: list[int] = []

            def look(_step: int) -> None:
                statuses.append(house.client.get("/vignette/0?size=medium").status_code)

            decoder.before = look
            house.rendering.render(ImageId(0))

            assert statuses == [200, 200, 200]
            assert vignettes(house) == layout.vignettes([SMALL, LARGE, other_medium])
            assert set(outcome(house).vignettes) == set(outcome(house).fingerprints) == vignettes(house)
            image = house.catalogue.library.get(ImageId(0))
            assert (image.need, image.recipe_set) == (None, layout.recipe_set(vignettes(house)))

    def test_a_default_vignette_that_was_lost_is_made_again_with_the_rest(self, house: House) -> None:
        only_the_default(house)
        for name in DEFAULT:
            (house.uploads / "0" / name).unlink()
        assert house.client.get("/vignette/0").status_code == 202

        house.work()

        is_complete(house)

    def test_where_nobody_knows_what_was_made_all_is_made(self, house: House) -> None:
        only_the_default(house)
        house.store.write(ImageId(0), layout.OUTCOME, b"{")

        house.work()

        is_complete(house)

    def test_no_room_on_the_disk_is_no_attempt(
        self, house: House, decoder: Decoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house.upload(picture(640, 480))

        def fill_the_disk(step: int) -> None:
            if step == 1:
                monkeypatch.setattr(house.store, "write_all", no_room)

        def no_room(*_: object, **__: object) -> None:
            raise StoreFull("no room")

        decoder.before = fill_the_disk
        house.work()

        image = house.catalogue.library.get(ImageId(0))
        assert (image.state, image.need, image.attempts) == (State.READY, Need.REST, 0)
        monkeypatch.undo()
        decoder.before = lambda _: None
        house.end_leases()
        house.sweeping.sweep()
        house.work()
        is_complete(house)

    def test_to_publish_removes_what_no_recipe_makes_any_more_and_nothing_that_is_to_come(self, house: House) -> None:
        """A worker that was slow to write may not take what another one has made meanwhile."""
        (to_come,), stale = layout.vignettes([LARGE]), layout.vignette(Recipe("old", 16, 16), "webp")
        for number in (0, 1):
            house.upload(picture(640, 480))
            for name in (to_come, stale):
                house.store.write(ImageId(number), name, b"from before")

        house.rendering.render(house.jobs.take())

        assert vignettes(house) == DEFAULT | {to_come}
        house.work()
        is_complete(house)
        assert house.store.read(ImageId(0), to_come) != b"from before"


class TestAnimations:
    @pytest.mark.parametrize("waits", [True, False])
    def test_they_follow_like_another_size(self, house: House, decoder: Decoder, waits: bool) -> None:
        house.upload(animation("GIF", 3))
        if waits:
            house.upload(picture(64, 48))
            house.rendering.render(house.jobs.take())
            assert vignettes(house) == DEFAULT
        else:
            seen: list[tuple[set[str], set[str]]] = []

            def look(step: int) -> None:
                if step == 3:
                    seen.append((vignettes(house), set(outcome(house).to_come)))

            decoder.before = look
        house.work()

        assert waits or seen == [(ALL, MOVING)]
        assert vignettes(house) == ALL | MOVING
        assert outcome(house).to_come == ()

    def test_one_recipe_alone_is_published_before_its_animation_is_made(self, tmp_path: Path) -> None:
        decoder = Decoder()
        with house_below(tmp_path, recipes=[SMALL], renderer=decoder) as house:
            house.upload(animation("GIF", 3))
            states: list[State] = []
            decoder.before = lambda _: states.append(house.catalogue.library.get(ImageId(0)).state)

            house.work()

            assert states[:2] == [State.PROCESSING, State.READY]
            assert vignettes(house) == DEFAULT | layout.moving_vignettes([SMALL])

    def test_one_that_costs_too_much_is_to_come_no_longer(self, tmp_path: Path) -> None:
        with house_below(tmp_path, recipes=SIZES) as house:
            house.rendering._animation_seconds = -1
            house.upload(animation("GIF", 3))

            house.work()

            assert house.catalogue.library.get(ImageId(0)).need is None
            assert (vignettes(house), outcome(house).to_come) == (ALL, ())

    def test_an_animation_that_kills_its_worker_costs_no_still(self, house: House, decoder: Decoder) -> None:
        house.upload(animation("GIF", 3))
        decoder.before = crash_at(3)
        with pytest.raises(Crash):
            house.work()
        crash_twice_more(house, decoder)

        house.rendering.render(ImageId(0))

        image = house.catalogue.library.get(ImageId(0))
        assert (image.state, image.need, image.sizes) == (State.READY, None, ("banner", "large", "small"))
        assert vignettes(house) == ALL
        assert decoder.decoded == [["small", "large", "banner"], [], []]


def test_an_outcome_of_before_there_was_anything_to_come_is_read() -> None:
    before = b'{"vignettes": ["vignette-a.webp"], "failure": null, "attempts": 1, "placeholder": null}'

    assert outcome_from_json(before).to_come == ()
