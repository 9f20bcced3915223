"""What `ports.catalogue` promises, on each database that we support."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.running import until
from vignette.access.names import is_name, name_of_earlier, new_name
from vignette.access.policy import Sight
from vignette.adapters.sql import indexing, migrations
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.sql.counter import lock_numbers
from vignette.errors import CatalogueUnavailable, IdempotencyKeyReused, ImageNotFound, StoreFull
from vignette.model import Failure, Image, ImageFacts, ImageId, Need, Placeholder, PublicName, Record, State, Visibility
from vignette.ports.catalogue import Claim, Due, Note, Sights

PLACEHOLDER = Placeholder("WdcJNQJleX+HJ4hHiISoiHdwZzYG", "#546876")
FAILURE = Failure("broken-image", "it ends too soon", 5, 10)
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
FIRST_COLUMNS = "id, media_type, extension, width, height, frames, bytes, sha256, received_at_ms, state"
FIRST_ROW = "0, 'image/jpeg', 'jpg', 40, 30, 1, 500, 'ab', 0, 'ready'"


def record(sha256: str = "ab" * 32, key: str | None = None) -> Record:
    facts = ImageFacts("image/jpeg", "jpg", 4032, 3024, 1)
    return Record("photo.jpg", facts, 2_122_886, sha256, datetime(2026, 11, 22, 19, 5, 11, 402_000, UTC), key)


def nothing(_: ImageId) -> None:
    """A promotion that succeeds."""


def never() -> None:
    """What undoes a promotion that succeeds."""
    raise AssertionError("what was promoted and indexed is never withdrawn")


def add(catalogue: SqlCatalogue, count: int = 1) -> ImageId:
    for _ in range(count):
        image, _is_new = catalogue.arrivals.add(record(), nothing, never)
    return image.id


def due(catalogue: SqlCatalogue, recipe_set: str | None, limit: int = 100) -> list[ImageId]:
    """All that are due, a page after another."""
    found: list[Due] = []
    while page := catalogue.waiting.due(recipe_set, limit, found[-1] if found else None):
        found += page
    return [one.image_id for one in found]


def test_numbers_count_from_zero(catalogue: SqlCatalogue) -> None:
    assert [add(catalogue) for _ in range(3)] == [0, 1, 2]
    assert catalogue.index.next_id() == 3


def test_a_record_comes_back_as_it_was(catalogue: SqlCatalogue) -> None:
    image, is_new = catalogue.arrivals.add(record(key="cd" * 32), nothing, never)

    assert is_new
    assert image == Image(ImageId(0), record(key="cd" * 32), State.PENDING)
    assert catalogue.library.get(image.id) == image


def test_the_folder_is_in_place_before_anyone_sees_the_row(catalogue: SqlCatalogue) -> None:
    seen_meanwhile: list[int] = []

    catalogue.arrivals.add(record(), lambda _: seen_meanwhile.append(len(catalogue.library.newest(10))), never)

    assert seen_meanwhile == [0]


def test_uploads_at_the_same_time_get_numbers_without_a_gap(catalogue: SqlCatalogue) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: add(catalogue), range(40)))

    assert sorted(numbers) == list(range(40))


ADD_TWENTY = """
import sys
from tests.contract.test_catalogue import SqlCatalogue, add
catalogue = SqlCatalogue(sys.argv[1])
catalogue.migrate([])
print(*[add(catalogue) for _ in range(20)])
"""


def test_several_processes_may_start_and_add_at_once(url: str) -> None:
    """The first one to come makes the schema; nobody else fails, and no number is given twice."""
    command = [sys.executable, "-c", ADD_TWENTY, url]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]

    outputs = [process.communicate()[0] for process in processes]

    assert sorted(int(number) for output in outputs for number in output.split()) == list(range(60))


def test_an_idempotency_key_that_comes_again_is_the_same_image(catalogue: SqlCatalogue) -> None:
    first, _ = catalogue.arrivals.add(record(key="k"), nothing, never)
    promoted: list[ImageId] = []

    again, is_new = catalogue.arrivals.add(record(key="k"), promoted.append, never)

    assert (again.id, is_new, promoted) == (first.id, False, [])
    assert add(catalogue) == 1


def test_an_idempotency_key_with_other_bytes_is_refused(catalogue: SqlCatalogue) -> None:
    catalogue.arrivals.add(record("aa" * 32, "k"), nothing, never)

    with pytest.raises(IdempotencyKeyReused):
        catalogue.arrivals.add(record("bb" * 32, "k"), nothing, never)

    assert add(catalogue) == 1


def test_the_same_key_at_the_same_time_is_one_image(catalogue: SqlCatalogue) -> None:
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda _: catalogue.arrivals.add(record(key="k"), nothing, never), range(16)))

    assert {image.id for image, _ in added} == {0}
    assert sum(is_new for _, is_new in added) == 1


@pytest.mark.parametrize("number", [1, 2**62])
def test_an_unknown_number_is_said_to_be_unknown(catalogue: SqlCatalogue, number: int) -> None:
    add(catalogue)

    with pytest.raises(ImageNotFound):
        catalogue.library.get(ImageId(number))


def test_pages_of_an_owner_have_its_images_alone(catalogue: SqlCatalogue) -> None:
    mine, yours = "0123456789abcdef", "f" * 16
    for number, owner in enumerate((mine, None, yours, mine, mine, yours, mine)):
        image, _ = catalogue.arrivals.add(replace(record(f"{number:064}"), owner=owner), nothing, never)
        assert catalogue.library.get(image.id).record.owner == owner
    catalogue.removals.begin_delete(ImageId(6))

    assert [image.id for image in catalogue.library.newest(2, sight=Sight(mine, frozenset()))] == [4, 3]
    assert [image.id for image in catalogue.library.newest(2, ImageId(3), Sight(mine, frozenset()))] == [0]
    assert catalogue.library.newest(2, ImageId(0), Sight(mine, frozenset())) == []
    assert [image.id for image in catalogue.library.newest(10, sight=Sight(yours, frozenset()))] == [5, 2]
    assert catalogue.library.newest(10, sight=Sight("0" * 16, frozenset())) == []


SEEN = (Visibility.PUBLIC, Visibility.PRIVATE, None, Visibility.PRIVATE, Visibility.PUBLIC, None)


@pytest.mark.parametrize("limit", [1, 2, 10])
@pytest.mark.parametrize("visibilities", [{Visibility.PUBLIC}, {Visibility.PUBLIC, None}, set(), {None}, set(SEEN)])
@pytest.mark.parametrize("owner", ["f" * 16, None])
def test_pages_have_what_is_in_sight_once_and_in_order(
    catalogue: SqlCatalogue, limit: int, visibilities: set[Visibility | None], owner: str | None
) -> None:
    owners = [None, "f" * 16, None, None, "f" * 16, None]
    for number, (visibility, of) in enumerate(zip(SEEN, owners, strict=True)):
        catalogue.arrivals.add(replace(record(f"{number:064}"), owner=of), nothing, never, visibility)
    sight = Sight(owner, frozenset(visibilities))
    expected = [n for n in range(5, -1, -1) if SEEN[n] in visibilities or (owner is not None and owners[n] == owner)]

    found: list[int] = []
    while page := catalogue.library.newest(limit, ImageId(found[-1]) if found else None, sight):
        found += [image.id for image in page]

    assert found == expected
    for number in range(-1, 6):
        newer = [image.id for image in catalogue.library.next_newer(limit, ImageId(number), sight)]
        assert newer == [n for n in reversed(expected) if n > number][:limit]


@pytest.mark.parametrize("owner", [None, "0123456789abcdef", "fedcba9876543210"])
@pytest.mark.parametrize("seen", [set(), {Visibility.PUBLIC}, {Visibility.PUBLIC, None}])
def test_what_is_not_in_sight_is_not_found(
    catalogue: SqlCatalogue, owner: str | None, seen: set[Visibility | None]
) -> None:
    sight = Sight(owner, frozenset(seen))
    for its_owner, visibility in product((None, "0123456789abcdef"), (Visibility.PUBLIC, Visibility.PRIVATE, None)):
        name = new_name()
        sent = replace(record(), owner=its_owner, public_name=name)
        image, _ = catalogue.arrivals.add(sent, nothing, never, visibility)
        is_own = owner is not None and owner == its_owner

        assert is_found(catalogue, image.id, name, sight) == (is_own or visibility in seen)
        assert among_several(catalogue, image.id, name, sight) == (is_own or visibility in seen)
        catalogue.removals.begin_delete(image.id)
        assert is_found(catalogue, image.id, name, sight) == is_own
        assert not among_several(catalogue, image.id, name, sight)


def among_several(catalogue: SqlCatalogue, number: ImageId, name: PublicName, sight: Sight) -> bool:
    """Whether both ways lead to the image, and it is counted; fail if they differ."""
    by_number = catalogue.library.living({number, ImageId(10**6)}, set(), Sights(by_number=sight, by_name=None))
    by_name = catalogue.library.living(set(), {name, new_name()}, Sights(by_number=None, by_name=sight))
    assert [image.id for image in by_number] == [image.id for image in by_name]
    assert catalogue.library.count(100, sight) == len(catalogue.library.newest(100, sight=sight))
    return [image.id for image in by_number] == [number]


def test_several_are_looked_up_and_all_are_counted(catalogue: SqlCatalogue) -> None:
    numbers = [add(catalogue) for _ in range(4)]
    catalogue.removals.begin_delete(numbers[1])

    found = catalogue.library.living(set(numbers), set(), Sights(by_number=None, by_name=None))

    assert {image.id for image in found} == {0, 2, 3}
    assert [catalogue.library.count(limit) for limit in (1, 2, 3, 4)] == [1, 2, 3, 3]


def is_found(catalogue: SqlCatalogue, number: ImageId, name: PublicName, sight: Sight) -> bool:
    """Whether both ways lead to the image; fail if one does."""
    found = []
    for look in (partial(catalogue.library.get, number), partial(catalogue.library.named, name)):
        try:
            found.append(look(sight).id == number)
        except ImageNotFound:
            found.append(False)
    assert found[0] == found[1]
    return found[0]


def test_an_image_is_found_by_its_public_name_until_it_is_deleted(catalogue: SqlCatalogue) -> None:
    name = PublicName("a" * 26)
    image, _ = catalogue.arrivals.add(replace(record(), public_name=name), nothing, never, Visibility.PRIVATE)

    assert catalogue.library.named(name) == image == catalogue.library.get(image.id)
    assert image.visibility is Visibility.PRIVATE
    with pytest.raises(ImageNotFound):
        catalogue.library.named(PublicName("b" * 26))
    catalogue.removals.begin_delete(image.id)
    catalogue.removals.end_delete(image.id)
    with pytest.raises(ImageNotFound):
        catalogue.library.named(name)


def test_visibility_is_changed_if_it_can_be_written_down(catalogue: SqlCatalogue) -> None:
    number, written = add(catalogue), list[Visibility | None]()

    for visibility in (Visibility.PRIVATE, Visibility.PUBLIC, None):
        catalogue.editing.set_visibility(number, visibility, partial(written.append, visibility))
        assert catalogue.library.get(number).visibility is visibility
    assert written == [Visibility.PRIVATE, Visibility.PUBLIC, None]
    with pytest.raises(ZeroDivisionError):
        catalogue.editing.set_visibility(number, Visibility.PRIVATE, lambda: 1 // 0)
    assert catalogue.library.get(number).visibility is None
    catalogue.removals.begin_delete(number)
    with pytest.raises(ImageNotFound):
        catalogue.editing.set_visibility(number, Visibility.PUBLIC, pytest.fail)


def test_a_copied_folder_gets_another_name(catalogue: SqlCatalogue) -> None:
    name = PublicName("a" * 26)
    images = [Image(ImageId(n), replace(record(), public_name=name), State.READY) for n in (0, 1)]
    for bring_in in (
        lambda: catalogue.index.restore((image.id, image) for image in images),
        lambda: catalogue.index.index(ImageId(1), lambda: images[1]),
    ):
        bring_in()

        assert catalogue.library.named(name).id == 0
        another = catalogue.library.get(ImageId(1)).public_name
        assert another == name_of_earlier(ImageId(1), images[1].record)
        assert catalogue.library.named(another).id == 1


@pytest.mark.parametrize("batch", [1, 500])
def test_a_folder_that_has_the_name_of_another_stops_nothing(
    catalogue: SqlCatalogue, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """Somebody who knows the rule may have made the folders: a copy of 1 would be called as 0 and 2 are."""
    monkeypatch.setattr(indexing, "_BATCH", batch)
    copied, name = record(), PublicName("a" * 26)
    taken = name_of_earlier(ImageId(1), copied)
    for names in ((taken, taken, taken), (name, name, taken)):
        images = [
            Image(ImageId(number), replace(copied, public_name=called), State.READY)
            for number, called in enumerate(names)
        ]

        assert catalogue.index.restore((image.id, image) for image in images) == 3
        catalogue.index.index(ImageId(1), lambda images=images: images[1])

        found = catalogue.library.newest(10)
        assert len({image.public_name for image in found}) == 3
        assert all(image.public_name and is_name(image.public_name) for image in found)


def test_nobody_owns_what_was_deleted(catalogue: SqlCatalogue) -> None:
    image, _ = catalogue.arrivals.add(replace(record(), owner="0123456789abcdef"), nothing, never)

    catalogue.removals.begin_delete(image.id)
    catalogue.removals.end_delete(image.id)

    assert catalogue.library.get(image.id).record.owner is None


def test_pages_go_from_the_newest_down(catalogue: SqlCatalogue) -> None:
    add(catalogue, 5)

    assert [image.id for image in catalogue.library.newest(2)] == [4, 3]
    assert [image.id for image in catalogue.library.newest(2, before=ImageId(3))] == [2, 1]
    assert [image.id for image in catalogue.library.newest(2, before=ImageId(0))] == []
    catalogue.removals.begin_delete(ImageId(2))
    assert [image.id for image in catalogue.library.next_newer(2, ImageId(1))] == [3, 4]
    assert catalogue.library.next_newer(2, ImageId(4)) == []


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


def test_a_deleted_image_is_gone_from_the_pages_and_keeps_its_number(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)

    assert catalogue.removals.begin_delete(image_id)
    assert catalogue.library.get(image_id).state is State.DELETING
    assert catalogue.library.in_state(State.DELETING, 10) == [image_id]
    catalogue.removals.end_delete(image_id)

    assert catalogue.library.get(image_id).state is State.DELETED
    assert catalogue.library.get(image_id).record.name is None
    assert catalogue.library.newest(10) == []
    assert add(catalogue) == 1


def test_a_deletion_begins_once(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)

    assert catalogue.removals.begin_delete(image_id)
    assert not catalogue.removals.begin_delete(image_id)
    catalogue.removals.end_delete(image_id)
    assert not catalogue.removals.begin_delete(image_id)

    assert catalogue.library.get(image_id).state is State.DELETED
    assert not catalogue.removals.begin_delete(ImageId(7))


def test_nothing_is_done_behind_a_deletion(catalogue: SqlCatalogue) -> None:
    deleting, deleted = add(catalogue), add(catalogue)
    catalogue.removals.begin_delete(deleting)
    catalogue.removals.begin_delete(deleted)
    catalogue.removals.end_delete(deleted)

    for gone in (deleting, deleted, ImageId(7)):
        assert not catalogue.removals.unless_gone(gone, pytest.fail)


def test_no_deletion_begins_while_something_is_done_with_an_image(catalogue: SqlCatalogue, url: str) -> None:
    image_id = add(catalogue)
    events: list[str] = []

    def delete() -> None:
        with closing(SqlCatalogue(url)) as deleting:
            has_begun.set()
            deleting.removals.begin_delete(image_id)
            events.append("deleted")

    def act() -> None:
        deletion.start()
        has_begun.wait()
        deletion.join(0.3)  # where nothing held it up, it would be through by then
        events.append("done")

    has_begun, deletion = threading.Event(), threading.Thread(target=delete)
    assert catalogue.removals.unless_gone(image_id, act)
    deletion.join()

    assert events == ["done", "deleted"]


def test_what_fails_meanwhile_holds_no_deletion_up(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)
    with pytest.raises(StoreFull):
        catalogue.removals.unless_gone(image_id, _no_room)

    assert catalogue.removals.begin_delete(image_id)


def _no_room() -> None:
    raise StoreFull("there is no room")


def test_images_in_a_state_are_listed_in_portions(catalogue: SqlCatalogue) -> None:
    ids = [add(catalogue) for _ in range(5)]

    first = catalogue.library.in_state(State.PENDING, 2)

    assert first == ids[:2]
    assert catalogue.library.in_state(State.PENDING, 10, after=first[-1]) == ids[2:]


def finished(catalogue: SqlCatalogue, recipe_set: str, failure: Failure | None = None) -> ImageId:
    image_id = add(catalogue)
    claim = catalogue.renderings.claim(image_id, 60)
    assert claim is not None
    assert catalogue.renderings.finish(claim, failure, None if failure else PLACEHOLDER, recipe_set)
    return image_id


def published(catalogue: SqlCatalogue, *, goes_on: bool = False) -> Claim:
    claim = catalogue.renderings.claim(add(catalogue), 60)
    assert claim is not None
    claim = catalogue.renderings.publish(claim, PLACEHOLDER, "default", ("small",), goes_on=goes_on)
    assert claim is not None
    return claim


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


def test_a_verdict_does_not_bring_a_deleted_image_back(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)
    claim = catalogue.renderings.claim(image_id, 60)
    assert claim is not None
    catalogue.removals.begin_delete(image_id)

    assert not catalogue.renderings.finish(claim, None)

    assert catalogue.library.get(image_id).state is State.DELETING


def test_a_deletion_does_not_end_while_a_worker_may_still_write_to_the_folder(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)
    claim = catalogue.renderings.claim(image_id, 60)
    assert claim is not None
    catalogue.removals.begin_delete(image_id)

    catalogue.removals.end_delete(image_id)
    assert catalogue.library.get(image_id).state is State.DELETING

    catalogue.renderings.finish(claim, None)
    catalogue.removals.end_delete(image_id)
    assert catalogue.library.get(image_id).state is State.DELETED


def test_a_deletion_ends_once_the_lease_of_a_worker_that_died_has(catalogue: SqlCatalogue) -> None:
    image_id = add(catalogue)
    catalogue.renderings.claim(image_id, -1)
    catalogue.removals.begin_delete(image_id)

    catalogue.removals.end_delete(image_id)

    assert catalogue.library.get(image_id).state is State.DELETED


def test_restoring_replaces_everything(catalogue: SqlCatalogue) -> None:
    add(catalogue, 2)
    kept = Image(ImageId(3), record(), State.FAILED, 2, FAILURE, PLACEHOLDER)

    count = catalogue.index.restore([(ImageId(3), kept), (ImageId(6), None)])

    assert count == 1
    assert catalogue.library.newest(10) == [kept]
    assert catalogue.index.next_id() == 7


@pytest.mark.parametrize("between", [1, 3000], ids=["next to it", "far from it"])
def test_of_images_with_the_same_idempotency_key_the_first_keeps_it(catalogue: SqlCatalogue, between: int) -> None:
    images = [Image(ImageId(number), record(key=f"key {number}"), State.READY) for number in range(between)]
    copy = Image(ImageId(between), images[0].record, State.READY)

    catalogue.index.restore([*((image.id, image) for image in images), (copy.id, copy)])

    assert catalogue.library.get(ImageId(0)) == images[0]
    assert catalogue.library.get(copy.id).record.idempotency_key is None


def test_an_image_ahead_whose_idempotency_key_is_taken_is_indexed_without(catalogue: SqlCatalogue) -> None:
    first, _ = catalogue.arrivals.add(record(key="once"), nothing, never)
    copy = Image(ImageId(1), first.record, State.READY)

    assert catalogue.index.catch_up([(first.id, first), (copy.id, copy)]) == 1

    assert catalogue.library.get(copy.id).record.idempotency_key is None
    assert catalogue.library.get(first.id) == first


def test_the_highest_number_is_that_of_an_image_that_is_known_deleted_or_not(catalogue: SqlCatalogue) -> None:
    assert catalogue.index.highest() is None
    add(catalogue, 3)
    catalogue.removals.begin_delete(ImageId(2))
    catalogue.removals.end_delete(ImageId(2))

    assert catalogue.index.highest() == 2
    catalogue.index.restore([])
    assert catalogue.index.highest() is None
    assert catalogue.index.next_id() == 3


def test_indexing_replaces_one_row_or_adds_it(catalogue: SqlCatalogue) -> None:
    add(catalogue)
    failed = Image(ImageId(0), record("cd" * 32), State.FAILED, 2, FAILURE)
    ready = Image(ImageId(4), record("ef" * 32), State.READY, 1)

    catalogue.index.index(failed.id, lambda: failed)
    catalogue.index.index(ready.id, lambda: ready)

    assert catalogue.library.newest(10) == [ready, failed]
    assert add(catalogue) == 5


def test_a_catalogue_is_new_until_it_is_made(url: str) -> None:
    with closing(SqlCatalogue(url)) as catalogue:
        assert catalogue.is_new()
        catalogue.migrate([])
        assert not catalogue.is_new()


def test_a_catalogue_that_is_made_anew_begins_with_what_the_folders_hold(url: str) -> None:
    first = SqlCatalogue(url)
    first.migrate([(ImageId(4), Image(ImageId(4), record(), State.READY))])
    first.close()
    second = SqlCatalogue(url)
    second.migrate([(ImageId(9), None)])

    assert second.index.next_id() == 5
    second.close()


@pytest.mark.parametrize("revision", migrations.revisions()[:-1])
def test_a_catalogue_of_any_version_is_brought_up_to_date(url: str, revision: str) -> None:
    engine = sa.create_engine(sa.make_url(url).set(drivername=DRIVERS[url.partition(":")[0]]))
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "vignette.adapters.sql:migrations")
        command.upgrade(config, revision)
        connection.execute(sa.text(f"INSERT INTO image ({FIRST_COLUMNS}) VALUES ({FIRST_ROW})"))
        connection.execute(sa.text("UPDATE counter SET next = 1"))
    engine.dispose()
    newer = SqlCatalogue(url)

    newer.migrate([])

    assert (newer.library.get(ImageId(0)).state, newer.library.get(ImageId(0)).placeholder) == (State.READY, None)
    assert add(newer) == 1
    newer.close()


@pytest.mark.usefixtures("catalogue")
def test_a_catalogue_of_a_newer_release_is_refused(url: str) -> None:
    engine = sa.create_engine(sa.make_url(url).set(drivername=DRIVERS[url.partition(":")[0]]))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    older = SqlCatalogue(url)

    with pytest.raises(CatalogueUnavailable, match="'9999'"):
        older.migrate([])
    older.close()


class TestTheNotesOfWhatIsNotFlushed:
    @pytest.fixture
    def here(self, url: str) -> Iterator[SqlCatalogue]:
        with closing(SqlCatalogue(url, waits_for_disk=False, boot="here")) as catalogue:
            catalogue.migrate([])
            yield catalogue

    @staticmethod
    def render(catalogue: SqlCatalogue, failure: Failure | None = None) -> ImageId:
        image_id = add(catalogue)
        claim = catalogue.renderings.claim(image_id, 60)
        assert claim is not None
        assert catalogue.renderings.finish(claim, failure)
        return image_id

    def test_each_rendering_that_ends_adds_one(self, here: SqlCatalogue) -> None:
        assert here.unflushed.last() is None
        self.render(here)
        self.render(here, FAILURE)

        assert [note.image_id for note in here.unflushed.up_to(10, 10)] == [0, 1]
        assert here.unflushed.last() == 2

    def test_a_rendering_that_no_longer_counts_adds_none(self, here: SqlCatalogue) -> None:
        claim = here.renderings.claim(add(here), 60)
        assert claim is not None
        here.removals.begin_delete(ImageId(0))

        assert not here.renderings.finish(claim, None)

        assert here.unflushed.last() is None

    def test_a_machine_that_flushes_at_once_adds_none(self, catalogue: SqlCatalogue) -> None:
        self.render(catalogue)

        with catalogue.database.read() as connection:
            assert connection.exec_driver_sql("SELECT * FROM unflushed").all() == []

    def test_those_up_to_a_number_are_forgotten(self, here: SqlCatalogue, url: str) -> None:
        with closing(SqlCatalogue(url, boot="there")) as there:
            self.render(there)
            for _ in range(3):
                self.render(here)

            here.unflushed.forget_up_to(3)

            assert here.unflushed.up_to(10, 10) == [Note(4, ImageId(3))]
            assert there.unflushed.up_to(10, 10) == [Note(1, ImageId(0))]

    def test_no_number_is_used_twice(self, here: SqlCatalogue) -> None:
        self.render(here)
        here.unflushed.forget_up_to(1)
        self.render(here)

        assert here.unflushed.last() == 2

    def test_an_earlier_start_of_the_machine_has_crashed(self, here: SqlCatalogue, url: str) -> None:
        with closing(SqlCatalogue(url, boot="earlier")) as earlier:
            for _ in range(3):
                self.render(earlier)
        self.render(here)

        notes = here.unflushed.of_crashed_machines(2)
        here.unflushed.forget(notes)

        assert notes == [Note(1, ImageId(0)), Note(2, ImageId(1))]
        assert here.unflushed.of_crashed_machines(2) == [Note(3, ImageId(2))]

    def test_another_machine_has_crashed_once_nothing_was_heard_of_it_for_a_minute(
        self, here: SqlCatalogue, url: str
    ) -> None:
        with closing(SqlCatalogue(url, boot="there")) as there:
            there.workers.beat("there:1")
            self.render(there)
        # SQLite is for one machine, which has no two starts at once.
        assert len(here.unflushed.of_crashed_machines(9)) == (1 if here.database.is_sqlite else 0)

        with here.database.write() as connection:
            connection.exec_driver_sql("UPDATE worker SET seen_at = seen_at - 61")

        assert len(here.unflushed.of_crashed_machines(9)) == 1

    def test_they_outlast_a_catalogue_that_is_made_anew(self, here: SqlCatalogue) -> None:
        self.render(here)

        here.index.restore([])

        assert here.unflushed.last() == 1


class TestACatalogueThatDoesNotWaitForTheDisk:
    def test_has_its_commits_flushed_later(self, url: str) -> None:
        asked = "PRAGMA synchronous" if url.startswith("sqlite") else "SHOW synchronous_commit"
        for waits, answer in ((True, {2, "on"}), (False, {1, "off"})):
            with (
                closing(SqlCatalogue(url, waits_for_disk=waits)) as catalogue,
                catalogue.database.write() as connection,
            ):
                assert connection.exec_driver_sql(asked).scalar_one() in answer


def test_workers_leave_signs_of_life(catalogue: SqlCatalogue) -> None:
    assert catalogue.workers.seconds_since_beat() is None

    catalogue.workers.beat("here:1")
    catalogue.workers.beat("here:1")

    silence = catalogue.workers.seconds_since_beat()
    assert silence is not None
    assert 0 <= silence < 5


def test_workers_that_are_long_gone_are_forgotten_by_the_next_sign_of_life(catalogue: SqlCatalogue) -> None:
    for number in range(20):
        catalogue.workers.beat(f"here:{number}")
    with catalogue.database.write() as connection:
        connection.exec_driver_sql("UPDATE worker SET seen_at = seen_at - 90000 WHERE name <> 'here:7'")
        connection.exec_driver_sql("UPDATE worker SET seen_at = seen_at - 3600 WHERE name = 'here:7'")

    silence = catalogue.workers.seconds_since_beat()
    assert silence is not None
    assert 3600 <= silence < 3700

    catalogue.workers.beat("here:20")

    with catalogue.database.read() as connection:
        names = connection.exec_driver_sql("SELECT name FROM worker ORDER BY name").scalars().all()
    assert names == ["here:20", "here:7"]


def test_a_probe_changes_nothing(catalogue: SqlCatalogue) -> None:
    catalogue.database.probe()

    assert add(catalogue) == 0


def test_a_database_that_cannot_be_opened_is_said_to_be_unavailable(tmp_path: Path) -> None:
    (tmp_path / "catalogue").write_text("This is no database. " * 100)
    broken = SqlCatalogue(f"sqlite:///{tmp_path / 'catalogue'}")

    with pytest.raises(CatalogueUnavailable) as caught:
        broken.database.probe()

    assert str(tmp_path) not in str(caught.value)
    broken.close()


def test_a_database_that_must_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(CatalogueUnavailable):
        SqlCatalogue(f"sqlite:///{tmp_path / 'state' / 'catalogue.sqlite3'}", must_exist=True)

    assert list(tmp_path.iterdir()) == []


def test_the_revisions_are_one_line_of_versions() -> None:
    """Their files are numbered in the order in which Alembic applies them."""
    config = Config()
    config.set_main_option("script_location", "vignette.adapters.sql:migrations")

    applied = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]

    assert migrations.revisions() == list(reversed(applied))
