"""Other recipes than before: what they have not made is found, some at a time, and never twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.house import House, broken_pixels, picture
from tests.house import house as house_below
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.access.policy import Access, Policy
from vignette.errors import ImageDeleted, QueueUnavailable, SettingsError
from vignette.model import ImageId
from vignette.ports.jobs import Lane
from vignette.recipes import Recipe
from vignette.use_cases import renewal as renewal_module
from vignette.use_cases.renewal import Amount, Renewal

OTHER = Recipe("small", 64, 64, ("webp",))


@pytest.fixture
def changed(house: House) -> Iterator[House]:
    for _ in range(5):
        house.upload(picture())
    house.work()
    with house_below(house.root, recipes=[OTHER], hint_max_age_s=-1) as changed:
        yield changed


def renewal(house: House, *, batch: int = 200, pause: Callable[[], object] = lambda: None) -> Renewal:
    catalogue = house.catalogue
    return Renewal(
        catalogue.library,
        catalogue.waiting,
        catalogue.workers,
        house.jobs,
        [OTHER],
        Policy(Access.OPEN),
        batch=batch,
        pause=pause,
    )


def made(house: House) -> list[bool]:
    """Of each image, whether the recipe in force has made its vignettes, and all of them."""
    return [
        {name for name in house.files(image.id) if layout.is_vignette(name)} == layout.vignettes([OTHER])
        for image in house.catalogue.library.newest(100)
    ]


def test_what_other_recipes_have_made_is_queued_in_the_last_lane_once(changed: House) -> None:
    changed.renewal.advance()
    changed.renewal.advance()

    assert changed.jobs.hinted == [0, 1, 2, 3, 4]
    assert set(changed.jobs.lanes.values()) == {Lane.RENEWAL}
    changed.work()
    changed.renewal.advance()
    assert changed.jobs.hinted == []
    assert made(changed) == [True] * 5


def test_only_so_many_wait_at_a_time(changed: House) -> None:
    by_twos = renewal(changed, batch=2)

    by_twos.advance()
    by_twos.advance()
    assert len(changed.jobs.hinted) == 2
    changed.work()
    assert sum(made(changed)) == 2

    for _ in range(2):
        by_twos.advance()
        changed.work()
    assert made(changed) == [True] * 5


def test_none_is_added_where_uploads_wait(changed: House) -> None:
    for _ in range(2):
        changed.upload(picture())

    renewal(changed, batch=2).advance()

    assert changed.jobs.hinted == [5, 6]


def test_what_the_queue_lost_is_found_again(changed: House) -> None:
    changed.jobs.is_down = True
    changed.renewal.advance()
    changed.jobs.is_down = False

    changed.sweeping.sweep()
    changed.work()

    assert made(changed) == [True] * 5


def test_a_catalogue_that_was_rebuilt_knows_what_other_recipes_have_made(changed: House) -> None:
    changed.renewal.advance()
    changed.rendering.render(ImageId(3))
    changed.jobs.hinted.clear()

    changed.reindexing.rebuild()
    changed.renewal.advance()

    assert changed.jobs.hinted == [0, 1, 2, 4]


def test_an_image_that_has_failed_is_left_to_a_person(changed: House) -> None:
    changed.sql("UPDATE image SET state = 'failed' WHERE id = 2")

    changed.renewal.advance()

    assert changed.jobs.hinted == [0, 1, 3, 4]


class TestAskedFor:
    """`vignette render`: here the worker works while we wait for it."""

    @pytest.fixture
    def changed(self, changed: House) -> House:
        changed.catalogue.workers.beat("worker")
        changed.renewal = renewal(changed, pause=changed.work)
        return changed

    def test_all_that_other_recipes_have_made_is_rendered_and_told_in_order(self, changed: House) -> None:
        due = list(changed.renewal.all_due())

        done = list(changed.renewal.run(due))

        assert [renewed.image_id for renewed in done] == due == [0, 1, 2, 3, 4]
        assert {renewed.failure for renewed in done} == {None}
        assert made(changed) == [True] * 5
        assert list(changed.renewal.all_due()) == []

    def test_what_the_sweep_has_done_meanwhile_is_not_done_again(self, changed: House) -> None:
        due = list(changed.renewal.all_due())
        changed.renewal.advance()
        changed.work()
        claims = [changed.catalogue.library.get(image_id).attempts for image_id in due]
        changed.jobs.lanes.clear()

        assert len(list(changed.renewal.run(due))) == 5

        assert changed.jobs.lanes == {}
        assert [changed.catalogue.library.get(image_id).attempts for image_id in due] == claims

    @pytest.mark.parametrize("force", [False, True])
    def test_all_are_looked_for_while_those_before_are_rendered(self, changed: House, force: bool) -> None:
        """An image moves from one kind to another meanwhile, and is done once."""
        renewing = renewal(changed, batch=2, pause=changed.work)
        changed.catalogue.waiting.reset(ImageId(4))
        looked: list[ImageId] = []

        def look() -> Iterator[ImageId]:
            for image_id in renewing.all_due(force=force):
                looked.append(image_id)
                yield image_id

        done = []
        for renewed in renewing.run(look(), force=force):
            done.append(renewed.image_id)
            assert len(looked) <= len(done) + 2

        assert sorted(done) == [0, 1, 2, 3, 4]
        assert renewing.count_due() == Amount(0, 0)

    def test_more_than_are_counted_are_at_most_as_many_as_there_are_numbers(
        self, changed: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert changed.renewal.count_due() == Amount(5, 5)
        assert str(changed.renewal.count_due()) == "5"

        monkeypatch.setattr(renewal_module, "_MOST_COUNTED", 2)

        assert changed.renewal.count_due() == changed.renewal.count_due(force=True) == Amount(2, 5)
        assert str(changed.renewal.count_due()) == "2 to 5"

    def test_all_are_rendered_where_that_is_meant(self, changed: House) -> None:
        list(changed.renewal.run(changed.renewal.all_due()))
        changed.jobs.lanes.clear()

        assert len(list(changed.renewal.run(changed.renewal.all_due(force=True), force=True))) == 5

        assert list(changed.jobs.lanes) == [0, 1, 2, 3, 4]

    def test_one_that_could_not_be_rendered_is_told_with_the_reason_and_tried_again_when_asked(
        self, changed: House
    ) -> None:
        original = changed.uploads / "2" / "original.jpg"
        sound = original.read_bytes()
        original.write_bytes(broken_pixels())
        done = list(changed.renewal.run(changed.renewal.all_due()))
        assert [renewed.image_id for renewed in done if renewed.failure] == [2]
        assert list(changed.renewal.all_due()) == [2]

        original.write_bytes(sound)

        assert [renewed.failure for renewed in changed.renewal.run([ImageId(2)])] == [None]
        assert changed.catalogue.library.get(ImageId(2)).failure is None

    def test_one_that_was_deleted_meanwhile_is_done_with(self, changed: House) -> None:
        due = list(changed.renewal.all_due())
        changed.removal.delete(NOBODY, ImageId(1))

        assert len(list(changed.renewal.run(due))) == 5
        with pytest.raises(ImageDeleted):
            changed.renewal.is_due(ImageId(1))

    def test_a_failed_image_that_is_named_is_tried(self, changed: House) -> None:
        image = changed.upload(broken_pixels())
        changed.work()
        assert changed.renewal.is_due(image.id)

        (done,) = changed.renewal.run([image.id])

        assert done.failure is not None
        assert done.failure.code == "rendering-failed"

    def test_a_worker_with_other_recipes_is_found_out(self, house: House, changed: House) -> None:
        def work_by_the_former_recipes() -> None:
            house.rendering.render(changed.jobs.hinted.pop(0))

        with pytest.raises(SettingsError, match="start the service anew"):
            list(renewal(changed, pause=work_by_the_former_recipes).run([ImageId(0)]))

    def test_without_a_worker_nothing_is_begun(self, changed: House) -> None:
        changed.sql("UPDATE worker SET seen_at = seen_at - 20")

        with pytest.raises(QueueUnavailable, match="does the service run"):
            list(changed.renewal.run([ImageId(0)]))

        assert changed.jobs.hinted == []
        assert list(changed.renewal.run([])) == []

    def test_a_worker_that_is_gone_for_long_is_not_waited_for(self, changed: House) -> None:
        def fall_silent() -> None:
            changed.sql("UPDATE worker SET seen_at = seen_at - 20")

        with pytest.raises(QueueUnavailable, match="no worker"):
            list(renewal(changed, pause=fall_silent).run([ImageId(0)]))
        assert changed.jobs.hinted == [0]
