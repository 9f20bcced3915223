"""Events are noted with what changes, refusals without end cost little, and old ones go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.house import House, picture
from vignette import limits
from vignette.access.actors import NOBODY, OPERATOR, Actor, Scope
from vignette.access.events import Addresses, Event, What
from vignette.errors import MissingScope, StoreUnavailable
from vignette.model import Visibility
from vignette.use_cases.auditing import NO_TRAIL, Auditing, Trail

NOW = datetime(2026, 11, 29, tzinfo=UTC)
HERE = Actor("0123456789abcdef", frozenset({Scope.READ}), address="192.0.2.7")


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def trail(house: House, clock: Clock | None = None, **options: object) -> Trail:
    return Trail(house.catalogue.audit, clock=lambda: NOW, seconds=clock or Clock(), **options)  # type: ignore[arg-type]


def noted(house: House) -> list[Event]:
    return [event for _, event in house.catalogue.audit.newest(500)]


def test_a_change_that_fails_leaves_no_event(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    key, _ = house.keyholding.add(OPERATOR, "phone", [Scope.READ])
    image = house.upload(picture())
    before = noted(house)

    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailable("read-only")

    for name in ("write", "write_service", "promote"):
        monkeypatch.setattr(house.store, name, fail)
    for change in (
        lambda: house.upload(picture()),
        lambda: house.context.editing.set_visibility(OPERATOR, image.id, Visibility.PRIVATE),
        lambda: house.keyholding.add(OPERATOR, "laptop", [Scope.READ]),
        lambda: house.keyholding.change(OPERATOR, key.id, name="tablet"),
        lambda: house.keyholding.remove(OPERATOR, key.id),
    ):
        with pytest.raises(StoreUnavailable):
            change()

    assert noted(house) == before


def test_what_cannot_be_noted_does_not_happen(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    image = house.upload(picture())

    def fail(*_: object) -> None:
        raise StoreUnavailable("no room for events")

    monkeypatch.setattr(house.catalogue.audit, "note", fail)
    for change in (
        lambda: house.upload(picture()),
        lambda: house.removal.delete(NOBODY, image.id),
        lambda: house.keyholding.add(OPERATOR, "laptop", [Scope.READ]),
    ):
        with pytest.raises(StoreUnavailable):
            change()

    assert house.catalogue.library.newest(10) == [image]
    assert house.keyholding.all(OPERATOR) == []
    assert house.is_clean()


def test_refusals_alike_are_counted_and_told_as_one_a_minute(house: House, clock: Clock) -> None:
    found = trail(house, clock)
    for _ in range(50):
        found.refused(What.REFUSED, HERE, "missing-scope admin")
    found.refused(What.REFUSED, HERE, "missing-scope delete")
    assert [(event.detail, event.times) for event in noted(house)] == [
        ("missing-scope delete", 1),
        ("missing-scope admin", 1),
    ]

    clock.seconds += limits.REFUSALS_TOLD_AS_ONE_S
    found.refused(What.REFUSED, HERE, "missing-scope admin")

    assert [event.times for event in noted(house)].count(50) == 1


def test_whoever_comes_from_everywhere_has_no_more_noted(house: House, clock: Clock) -> None:
    found = trail(house, clock)
    for number in range(2 * limits.MAX_REFUSALS_NOTED):
        found.refused(What.REFUSED, replace(HERE, address=f"192.0.{number}.1"), "invalid-key")

    assert len(noted(house)) == limits.MAX_REFUSALS_NOTED


def test_addresses_are_kept_as_the_setting_says(house: House) -> None:
    for addresses, expected in (
        (Addresses.FULL, "192.0.2.7"),
        (Addresses.NETWORK, "192.0.2.0/24"),
        (Addresses.NONE, None),
    ):
        trail(house, addresses=addresses).note(What.KEY_MADE, HERE)
        assert noted(house)[0].address == expected


def test_for_no_day_nothing_is_kept_and_the_log_tells_it(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    none = trail(house, days=0)
    none.note(What.IMAGE_DELETED, HERE)
    none.note_afterwards(What.SESSION_BEGUN, HERE, subject="s")
    none.refused(What.REFUSED, HERE, "invalid-key")
    with none.along(What.KEY_MADE, HERE, subject="k") as note:
        note()

    assert noted(house) == []
    assert [record.message for record in caplog.records] == ["signed in", "right refused", "key made"]
    assert caplog.records[0].__dict__["by"] == HERE.key_id


def test_a_change_that_fails_is_not_told_by_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with pytest.raises(StoreUnavailable), NO_TRAIL.along(What.KEY_MADE, HERE):
        raise StoreUnavailable("read-only")

    assert caplog.records == []


def test_only_who_administers_reads_them(house: House) -> None:
    auditing = Auditing(house.catalogue.audit)
    for actor in (NOBODY, HERE):
        with pytest.raises(MissingScope):
            auditing.newest(actor, 1)

    assert auditing.newest(OPERATOR, 1) == []


def test_the_sweep_removes_those_that_are_too_old(house: House) -> None:
    days = timedelta(days=90)
    for age in (days + timedelta(seconds=1), days - timedelta(seconds=1)):
        house.catalogue.audit.note(Event(NOW - age, What.KEY_MADE, "operator"))
    auditing = Auditing(house.catalogue.audit, 90, clock=lambda: NOW)

    auditing.clear()

    assert [event.at for event in noted(house)] == [NOW - days + timedelta(seconds=1)]
