"""What `ports.catalogue.Index` promises, on each database that we support."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.cataloguing import FAILURE, PLACEHOLDER, add, never, nothing, record
from vignette.access.names import is_name, name_of_earlier
from vignette.adapters.sql import indexing
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.model import Image, ImageId, PublicName, State


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
