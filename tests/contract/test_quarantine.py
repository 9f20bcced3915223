"""`ports.catalogue.Quarantine`, and who sees what is there, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.contract.cataloguing import never, nothing, record
from vignette.access.policy import Sight
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.errors import ImageNotFound, ImageNotQuarantined, StoreUnavailable
from vignette.model import Image, ImageId, PublicName, State, Suspicion, Visibility
from vignette.ports.catalogue import Sights

SUSPICION = Suspicion("moderation", "nudity", datetime(2026, 11, 29, 12, 0, 0, 123_000, tzinfo=UTC))
NAME = PublicName("a" * 26)
ALL_SHOWN = Sight(None, None)
SIGHTS = [ALL_SHOWN, Sight("me", frozenset(Visibility)), Sight("me", frozenset())]


@pytest.fixture
def image(catalogue: SqlCatalogue) -> Image:
    """One that has come into quarantine, between two that have not."""
    catalogue.migrate([])
    catalogue.arrivals.add(record("before"), nothing, never)
    own = replace(record("suspect", key="key"), owner="me", public_name=NAME)
    image, _ = catalogue.arrivals.add(own, nothing, never, Visibility.PUBLIC, SUSPICION)
    catalogue.arrivals.add(record("after"), nothing, never)
    return image


def test_it_is_there_for_whoever_sees_everything(catalogue: SqlCatalogue, image: Image) -> None:
    assert image.quarantine == SUSPICION
    assert catalogue.library.get(image.id) == image == catalogue.library.named(NAME)
    assert catalogue.library.living([image.id], [], Sights(None, None)) == [image]
    assert catalogue.quarantine.waiting(10) == [image]
    assert catalogue.arrivals.sent_before(image.record) == image


@pytest.mark.parametrize("sight", SIGHTS, ids=["anybody", "a key", "a key that sees nothing"])
def test_it_is_there_for_nobody_else(catalogue: SqlCatalogue, image: Image, sight: Sight) -> None:
    for look in (
        lambda: catalogue.library.get(image.id, sight),
        lambda: catalogue.library.named(NAME, sight),
    ):
        with pytest.raises(ImageNotFound):
            look()
    assert image.id not in [found.id for found in catalogue.library.newest(10, None, sight)]
    assert image.id not in [found.id for found in catalogue.library.next_newer(10, ImageId(0), sight)]
    assert catalogue.library.living([image.id], [NAME], Sights(sight, sight)) == []
    catalogue.quarantine.let_out(image.id, lambda: None)
    assert catalogue.library.living([image.id], [NAME], Sights(sight, sight)) != []


def test_it_is_in_no_list_but_its_own(catalogue: SqlCatalogue, image: Image) -> None:
    assert [found.id for found in catalogue.library.newest(10)] == [2, 0]
    assert [found.id for found in catalogue.library.newest(10, ImageId(2), ALL_SHOWN)] == [0]
    assert catalogue.quarantine.waiting(10, image.id) == []


def test_it_comes_and_goes(catalogue: SqlCatalogue, image: Image) -> None:
    written: list[str] = []
    catalogue.quarantine.let_out(image.id, lambda: written.append("out"))
    assert catalogue.library.get(image.id, SIGHTS[1]) == replace(image, quarantine=None)
    with pytest.raises(ImageNotQuarantined):
        catalogue.quarantine.let_out(image.id, lambda: written.append("twice"))
    with pytest.raises(ImageNotQuarantined):
        catalogue.quarantine.begin_delete(image.id)
    catalogue.quarantine.shut_away(image.id, SUSPICION, lambda: written.append("in"))

    assert catalogue.library.get(image.id) == image
    assert written == ["out", "in"]


def test_what_is_rejected_is_deleted_and_waits_no_more(catalogue: SqlCatalogue, image: Image) -> None:
    catalogue.quarantine.begin_delete(image.id)
    assert catalogue.library.get(image.id).state is State.DELETING
    assert catalogue.quarantine.waiting(10) == []
    for change in (
        catalogue.quarantine.begin_delete,
        lambda number: catalogue.quarantine.let_out(number, nothing_said),
    ):
        with pytest.raises(ImageNotQuarantined):
            change(image.id)
    with pytest.raises(ImageNotFound):
        catalogue.quarantine.shut_away(image.id, SUSPICION, nothing_said)
    catalogue.removals.end_delete(image.id)

    assert catalogue.library.get(image.id).quarantine is None


def test_what_cannot_be_written_down_changes_nothing(catalogue: SqlCatalogue, image: Image) -> None:
    def fail() -> None:
        raise StoreUnavailable("read-only")

    with pytest.raises(StoreUnavailable):
        catalogue.quarantine.let_out(image.id, fail)
    assert catalogue.library.get(image.id) == image


def test_it_is_restored(catalogue: SqlCatalogue, image: Image) -> None:
    catalogue.index.restore([(image.id, image)])

    assert catalogue.quarantine.waiting(10) == [image]


def nothing_said() -> None:
    raise AssertionError("there was nothing to write down")
