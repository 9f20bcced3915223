"""What `ports.catalogue.Removals` promises, on each database that we support."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from tests.contract.cataloguing import add
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.errors import StoreFull
from vignette.model import ImageId, State


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
