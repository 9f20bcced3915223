"""What `ports.audit` promises, on each database that we support."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.cataloguing import never, nothing, record
from tests.contract.test_catalogue_costs import counting
from vignette.access.events import NOBODY, Event, Place, What
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.errors import CatalogueUnavailable
from vignette.model import ImageId

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
KEY = "0123456789abcdef"


def event(what: What = What.IMAGE_RECEIVED, seconds: float = 0, **rest: Any) -> Event:
    return Event(NOW + timedelta(seconds=seconds), what, **{"actor": NOBODY, **rest})


def noted(catalogue: SqlCatalogue, **filters: Any) -> list[Event]:
    return [found for _, found in catalogue.audit.newest(100, **filters)]


def test_an_event_comes_back_as_it_was_noted(catalogue: SqlCatalogue) -> None:
    whole = Event(NOW, What.REFUSED, KEY, "192.0.2.0/24", ImageId(7), KEY, "missing-scope admin", 3)
    catalogue.audit.note(whole)
    catalogue.audit.note_if_free(event(seconds=1))

    assert noted(catalogue) == [event(seconds=1), whole]


def test_it_is_in_the_transaction_that_this_thread_has_begun(catalogue: SqlCatalogue) -> None:
    def note_and_fail(image_id: ImageId) -> None:
        catalogue.audit.note(event(image_id=image_id))
        raise CatalogueUnavailable("the folder cannot be moved")

    with pytest.raises(CatalogueUnavailable):
        catalogue.arrivals.add(record(), note_and_fail, int)
    assert noted(catalogue) == []

    image, _ = catalogue.arrivals.add(record(), lambda number: catalogue.audit.note(event(image_id=number)), never)
    assert noted(catalogue) == [event(image_id=image.id)]


def test_a_deletion_calls_what_belongs_beside_it_once(catalogue: SqlCatalogue) -> None:
    image, _ = catalogue.arrivals.add(record(), nothing, never)

    def note() -> None:
        catalogue.audit.note(event(What.IMAGE_DELETED, image_id=image.id))

    assert [catalogue.removals.begin_delete(number, note) for number in (image.id, image.id, ImageId(9))] == [
        True,
        False,
        False,
    ]
    assert noted(catalogue) == [event(What.IMAGE_DELETED, image_id=image.id)]


def test_they_are_found_by_all_that_they_say(catalogue: SqlCatalogue) -> None:
    events = [
        event(What.IMAGE_RECEIVED, 0, image_id=ImageId(1)),
        event(What.IMAGE_RECEIVED, 1, image_id=ImageId(2), actor=KEY),
        event(What.IMAGE_DELETED, 2, image_id=ImageId(1), actor=KEY),
        event(What.KEY_MADE, 3, actor="operator", subject=KEY),
    ]
    for each in events:
        catalogue.audit.note(each)

    assert noted(catalogue, actor=KEY) == [events[2], events[1]]
    assert noted(catalogue, image_id=ImageId(1)) == [events[2], events[0]]
    assert noted(catalogue, what=What.IMAGE_RECEIVED) == [events[1], events[0]]
    assert noted(catalogue, after=NOW + timedelta(seconds=1)) == [events[3], events[2]]
    assert noted(catalogue, actor=KEY, image_id=ImageId(1), what=What.IMAGE_DELETED, after=NOW) == [events[2]]
    assert noted(catalogue, actor="nobody", what=What.KEY_MADE) == []


def test_pages_follow_each_other_however_many_events_have_one_time(catalogue: SqlCatalogue) -> None:
    for number in range(7):
        catalogue.audit.note(event(seconds=number // 3, image_id=ImageId(number)))
    found: list[ImageId | None] = []
    before: Place | None = None
    while page := catalogue.audit.newest(2, before):
        found += [each.image_id for _, each in page]
        before = page[-1][0]

    assert found == [6, 5, 4, 3, 2, 1, 0]


def test_those_that_are_too_old_are_removed_so_many_at_a_time(catalogue: SqlCatalogue) -> None:
    for second in range(5):
        catalogue.audit.note(event(seconds=second))
    until = NOW + timedelta(seconds=3)

    assert [catalogue.audit.clear(until, 2) for _ in range(3)] == [2, 1, 0]
    assert noted(catalogue) == [event(seconds=4), event(seconds=3)]


def test_whoever_rebuilds_the_index_leaves_them(catalogue: SqlCatalogue) -> None:
    catalogue.audit.note(event())
    catalogue.index.restore([])

    assert noted(catalogue) == [event()]


@pytest.mark.parametrize(
    "filters",
    [{}, {"actor": KEY}, {"image_id": ImageId(3)}, {"what": What.KEY_MADE}, {"after": NOW + timedelta(days=9)}],
    ids=lambda filters: next(iter(filters), "all"),
)
def test_a_page_costs_the_same_however_many_there_are(catalogue: SqlCatalogue, filters: dict[str, Any]) -> None:
    with catalogue.database.write():
        for number in range(3000):
            catalogue.audit.note(event(seconds=number, image_id=ImageId(number)))
    if not catalogue.database.is_sqlite:
        with catalogue.database.write() as connection:
            connection.exec_driver_sql("ANALYZE audit")

    with counting(catalogue) as cost:
        catalogue.audit.newest(10, **filters)

    assert cost.read <= (1000 if catalogue.database.is_sqlite else 100)
