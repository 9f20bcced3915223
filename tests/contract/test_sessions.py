"""What `ports.sessions` promises, on each database that we support."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from vignette.access.sessions import ENDS_AFTER, IDLE_ENDS_AFTER, Session
from vignette.adapters.sql.catalogue import SqlCatalogue

NOON: Final = datetime(2026, 11, 29, 12, 0, 0, 402_000, UTC)
SESSION: Final = Session("0" * 16, "ab" * 32, "a key", NOON, NOON + timedelta(hours=1), "un navigateur")


def another(number: int, **changes: object) -> Session:
    return replace(SESSION, id=f"{number:016x}", digest=f"{number:064x}", **changes)


def test_it_is_found_as_it_was_added(catalogue: SqlCatalogue) -> None:
    catalogue.sessions.add(SESSION, at_most=10)

    assert catalogue.sessions.with_digest(SESSION.digest) == SESSION
    assert catalogue.sessions.with_digest("cd" * 32) is None


def test_those_of_a_key_come_with_the_last_used_first(catalogue: SqlCatalogue) -> None:
    for number, hours in enumerate((3, 1, 2)):
        catalogue.sessions.add(another(number, last_used_at=NOON + timedelta(hours=hours)), at_most=10)
    catalogue.sessions.add(another(9, key_id="another"), at_most=10)

    assert [session.id[-1] for session in catalogue.sessions.of_key("a key")] == ["0", "2", "1"]
    catalogue.sessions.note_use(another(1).id, NOON + timedelta(hours=4))
    assert [session.id[-1] for session in catalogue.sessions.of_key("a key")] == ["1", "0", "2"]


def test_a_key_keeps_so_many_that_were_used_last(catalogue: SqlCatalogue) -> None:
    catalogue.sessions.add(another(9, key_id="another"), at_most=1)
    for number in range(4):
        catalogue.sessions.add(another(number, last_used_at=NOON + timedelta(hours=number)), at_most=2)

    assert [session.id[-1] for session in catalogue.sessions.of_key("a key")] == ["3", "2"]
    assert len(catalogue.sessions.of_key("another")) == 1


@pytest.mark.parametrize(
    "ended",
    [
        another(1, last_used_at=NOON - IDLE_ENDS_AFTER - timedelta(seconds=1)),
        another(1, created_at=NOON - ENDS_AFTER - timedelta(seconds=1)),
    ],
    ids=["idle", "old"],
)
def test_one_that_has_ended_goes_when_another_begins(catalogue: SqlCatalogue, ended: Session) -> None:
    catalogue.sessions.add(ended, at_most=10)
    catalogue.sessions.add(SESSION, at_most=10)

    assert catalogue.sessions.with_digest(ended.digest) is None
    assert not ended.is_valid_at(NOON)
    assert SESSION.is_valid_at(NOON)


def test_only_its_key_removes_it(catalogue: SqlCatalogue) -> None:
    catalogue.sessions.add(SESSION, at_most=10)

    assert not catalogue.sessions.remove(SESSION.id, "another")
    assert catalogue.sessions.remove(SESSION.id, "a key")
    assert not catalogue.sessions.remove(SESSION.id, "a key")
    assert catalogue.sessions.with_digest(SESSION.digest) is None


def test_who_rebuilds_the_index_leaves_them(catalogue: SqlCatalogue) -> None:
    catalogue.sessions.add(SESSION, at_most=10)
    catalogue.index.restore([])

    assert catalogue.sessions.with_digest(SESSION.digest) == SESSION
