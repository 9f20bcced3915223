"""What `ports.access` promises, on each database that we support."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from vignette.access.actors import Scope
from vignette.access.keys import Key
from vignette.access.quotas import Quota
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.errors import CatalogueUnavailable, KeyNotFound, StoreFull, StoreUnavailable

NOON: Final = datetime(2026, 11, 29, 12, 0, 0, 402_000, UTC)
FULL: Final = Key(
    id="0123456789abcdef",
    digest="ab" * 32,
    name="le téléphone",
    scopes=frozenset({Scope.UPLOAD, Scope.READ}),
    created_at=NOON,
    expires_at=NOON + timedelta(days=30),
    networks=("10.0.0.0/8", "2001:db8::/32"),
    last_used_at=NOON + timedelta(hours=1),
    quota=Quota(images=10, bytes=None, images_per_day=0),
    origins=("https://app.example.org", "http://localhost:5173"),
)

# PostgreSQL and SQLite refuse the commit of a transaction that has changed a key.
REFUSE_ON_POSTGRESQL: Final = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE OR DELETE ON access_key DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION refuse();
"""
REFUSE_ON_SQLITE: Final = """
PRAGMA foreign_keys = ON;
CREATE TABLE creditor (id INTEGER PRIMARY KEY);
CREATE TABLE debt (owed INTEGER REFERENCES creditor (id) DEFERRABLE INITIALLY DEFERRED);
CREATE TRIGGER refuse AFTER {event} ON access_key BEGIN INSERT INTO debt VALUES (1); END;
"""


def a_key(number: int) -> Key:
    return Key(f"{number:016x}", f"{number:064x}", f"key {number}", frozenset({Scope.READ}), NOON)


def nothing(_: Sequence[Key]) -> None:
    """Keeps nothing."""


class Keeping:
    """What was last written down, and each time that it was."""

    def __init__(self) -> None:
        self.times: list[list[Key]] = []

    def __call__(self, keys: Sequence[Key]) -> None:
        self.times.append(list(keys))


def filled(catalogue: SqlCatalogue, count: int) -> list[Key]:
    """*count* keys, the newest first; the last two are of the same millisecond."""
    keys = [replace(a_key(i), created_at=NOON + timedelta(milliseconds=max(i, 1))) for i in range(count)]
    for key in keys:
        catalogue.keys.add(key, nothing)
    return keys[::-1]


def test_a_key_comes_back_as_it_was(catalogue: SqlCatalogue) -> None:
    catalogue.keys.add(FULL, nothing)
    catalogue.keys.add(a_key(1), nothing)

    assert catalogue.keys.get(FULL.id) == catalogue.keys.with_digest(FULL.digest) == FULL
    assert catalogue.keys.get(a_key(1).id) == a_key(1)


def test_a_key_that_there_is_not_is_not_found(catalogue: SqlCatalogue) -> None:
    catalogue.keys.add(FULL, nothing)

    assert catalogue.keys.with_digest("cd" * 32) is None
    for ask in (
        lambda: catalogue.keys.get("f" * 16),
        lambda: catalogue.keys.all(10, after="f" * 16),
        lambda: catalogue.keys.change("f" * 16, lambda key: key, nothing),
        lambda: catalogue.keys.remove("f" * 16, nothing),
    ):
        with pytest.raises(KeyNotFound, match="there is no key 'ffffffffffffffff'"):
            ask()
    catalogue.keys.note_use("f" * 16, NOON)
    assert catalogue.keys.all(10) == [FULL]


@pytest.mark.parametrize("other", [replace(FULL, digest="cd" * 32), replace(FULL, id="f" * 16)], ids=["id", "digest"])
def test_no_two_keys_have_the_same_id_or_digest(catalogue: SqlCatalogue, other: Key) -> None:
    catalogue.keys.add(FULL, nothing)

    with pytest.raises(CatalogueUnavailable):
        catalogue.keys.add(other, nothing)

    assert catalogue.keys.all(10) == [FULL]


def test_pages_go_from_the_newest_down(catalogue: SqlCatalogue) -> None:
    keys = filled(catalogue, 5)

    assert catalogue.keys.all(2) == keys[:2]
    assert catalogue.keys.all(2, after=keys[1].id) == keys[2:4]
    assert catalogue.keys.all(2, after=keys[3].id) == keys[4:]
    assert catalogue.keys.all(2, after=keys[4].id) == []


def test_a_change_replaces_what_may_change_and_nothing_else(catalogue: SqlCatalogue) -> None:
    catalogue.keys.add(a_key(1), nothing)
    catalogue.keys.add(FULL, nothing)
    wanted = replace(
        FULL,
        name="new",
        scopes=frozenset({Scope.ADMIN}),
        expires_at=None,
        networks=(),
        quota=Quota(bytes=7),
        origins=(),
    )

    changed = catalogue.keys.change(FULL.id, lambda key: replace(wanted, last_used_at=key.last_used_at), nothing)

    assert changed == catalogue.keys.get(FULL.id) == wanted
    assert catalogue.keys.get(a_key(1).id) == a_key(1)


def test_a_key_that_was_removed_is_gone(catalogue: SqlCatalogue) -> None:
    catalogue.keys.add(FULL, nothing)
    catalogue.keys.add(a_key(1), nothing)

    catalogue.keys.remove(FULL.id, nothing)

    assert catalogue.keys.with_digest(FULL.digest) is None
    assert catalogue.keys.all(10) == [a_key(1)]


def test_the_last_use_goes_forwards_only(catalogue: SqlCatalogue) -> None:
    catalogue.keys.add(a_key(1), nothing)
    seen = []

    for minutes in (5, 7, 6):
        catalogue.keys.note_use(a_key(1).id, NOON + timedelta(minutes=minutes))
        seen.append(catalogue.keys.get(a_key(1).id).last_used_at)

    assert seen == [NOON + timedelta(minutes=minutes) for minutes in (5, 7, 7)]


def test_a_use_is_not_noted_while_others_keep_the_database_from_writing(catalogue: SqlCatalogue) -> None:
    """It gives up while they are still at it; so whoever asks with the key does not wait for them."""
    catalogue.keys.add(a_key(1), nothing)
    with catalogue.database.write() as connection:
        connection.exec_driver_sql("UPDATE access_key SET name = name")
        with ThreadPoolExecutor() as threads:
            note = threads.submit(catalogue.keys.note_use, a_key(1).id, NOON)
            # A writer that waits as usual is done within 10 s on neither database.
            assert isinstance(note.exception(timeout=8), CatalogueUnavailable)

    catalogue.keys.note_use(a_key(1).id, NOON)
    assert catalogue.keys.get(a_key(1).id).last_used_at == NOON


class TestWhatIsWrittenDown:
    """`keep` at each change."""

    def test_is_what_the_change_leaves_before_anybody_sees_it(self, catalogue: SqlCatalogue) -> None:
        steps: list[tuple[list[Key], list[Key]]] = []

        def keep(keys: Sequence[Key]) -> None:
            steps.append((list(keys), catalogue.keys.all(10)))

        newer = replace(a_key(1), created_at=NOON + timedelta(seconds=1))
        renamed = replace(FULL, name="new")
        catalogue.keys.add(FULL, keep)
        catalogue.keys.add(newer, keep)
        catalogue.keys.change(FULL.id, lambda key: replace(key, name="new"), keep)
        catalogue.keys.remove(newer.id, keep)

        assert steps == [
            ([FULL], []),
            ([newer, FULL], [FULL]),
            ([newer, renamed], [newer, FULL]),
            ([renamed], [newer, renamed]),
        ]

    @pytest.mark.parametrize("change", ["add", "change", "remove"])
    def test_comes_with_the_change_or_both_are_not(self, catalogue: SqlCatalogue, change: str) -> None:
        catalogue.keys.add(FULL, nothing)
        keeping = Keeping()

        def keep(keys: Sequence[Key]) -> None:
            keeping(keys)
            if len(keeping.times) == 1:
                raise StoreUnavailable("it was written, and not flushed")

        with pytest.raises(StoreUnavailable, match="not flushed"):
            _change(catalogue, change, keep)

        assert catalogue.keys.all(10) == [FULL]
        assert [keys == [FULL] for keys in keeping.times] == [False, True]

    @pytest.mark.parametrize("change", ["add", "change", "remove"])
    def test_is_taken_back_if_the_commit_is_refused(self, catalogue: SqlCatalogue, change: str) -> None:
        catalogue.keys.add(FULL, nothing)
        _refuse_commits(catalogue, {"add": "INSERT", "change": "UPDATE", "remove": "DELETE"}[change])
        keeping = Keeping()

        with pytest.raises((StoreFull, CatalogueUnavailable)):
            _change(catalogue, change, keeping)

        assert catalogue.keys.all(10) == [FULL]
        assert [keys == [FULL] for keys in keeping.times] == [False, True]

    def test_is_not_called_for_a_change_that_there_is_not(self, catalogue: SqlCatalogue) -> None:
        keeping = Keeping()

        with pytest.raises(KeyNotFound):
            catalogue.keys.remove(FULL.id, keeping)

        assert keeping.times == []

    def test_tells_of_every_key_however_many_are_added_at_once(self, catalogue: SqlCatalogue) -> None:
        keeping = Keeping()
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(lambda number: catalogue.keys.add(a_key(number), keeping), range(24)))

        assert [len(keys) for keys in keeping.times] == list(range(1, 25))
        assert keeping.times[-1] == catalogue.keys.all(100)

    def test_can_be_repeated(self, catalogue: SqlCatalogue) -> None:
        keys = filled(catalogue, 3)
        keeping = Keeping()

        catalogue.keys.keep(keeping)

        assert keeping.times == [keys]


def _change(catalogue: SqlCatalogue, change: str, keep: object) -> None:
    assert callable(keep)
    if change == "add":
        catalogue.keys.add(a_key(1), keep)
    elif change == "change":
        catalogue.keys.change(FULL.id, lambda key: replace(key, name="new"), keep)
    else:
        catalogue.keys.remove(FULL.id, keep)


def _refuse_commits(catalogue: SqlCatalogue, event: str) -> None:
    # On the one connection that SQLite is written over: what a PRAGMA says holds for that.
    connection = catalogue.database._writer.raw_connection()
    try:
        if catalogue.database.is_sqlite:
            connection.executescript(REFUSE_ON_SQLITE.format(event=event))
        else:
            connection.execute(REFUSE_ON_POSTGRESQL)
            connection.commit()
    finally:
        connection.close()


def test_two_edits_at_once_come_one_after_the_other(catalogue: SqlCatalogue) -> None:
    catalogue.keys.add(replace(FULL, name=""), nothing)
    together = threading.Barrier(4)

    def append(letter: str) -> None:
        together.wait(30)
        catalogue.keys.change(FULL.id, lambda key: replace(key, name=key.name + letter), nothing)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(append, "abcd"))

    assert sorted(catalogue.keys.get(FULL.id).name) == ["a", "b", "c", "d"]


class TestKeysThatWereWrittenDown:
    def test_come_back_where_there_is_none(self, catalogue: SqlCatalogue) -> None:
        keys = [replace(FULL, created_at=NOON + timedelta(days=1)), a_key(1)]

        assert catalogue.keys.restore(lambda: keys) == 2

        assert catalogue.keys.all(10) == keys

    def test_are_not_even_read_where_there_is_one(self, catalogue: SqlCatalogue) -> None:
        def read() -> list[Key]:
            raise AssertionError("the catalogue has keys")

        catalogue.keys.add(FULL, nothing)

        assert catalogue.keys.restore(read) == 0
        assert catalogue.keys.all(10) == [FULL]

    def test_leave_all_as_it_is_if_they_cannot_be_read(self, catalogue: SqlCatalogue) -> None:
        def read() -> list[Key]:
            raise StoreUnavailable("not now")

        with pytest.raises(StoreUnavailable):
            catalogue.keys.restore(read)

        assert catalogue.keys.all(10) == []

    def test_may_be_none(self, catalogue: SqlCatalogue) -> None:
        assert catalogue.keys.restore(list) == 0

    def test_come_back_once_however_many_processes_bring_them_back(self, catalogue: SqlCatalogue) -> None:
        with ThreadPoolExecutor(4) as threads:
            counts = list(threads.map(lambda _: catalogue.keys.restore(lambda: [FULL, a_key(1)]), range(4)))

        assert sorted(counts) == [0, 0, 0, 2]


def test_whoever_rebuilds_the_catalogue_leaves_the_keys(catalogue: SqlCatalogue) -> None:
    catalogue.keys.add(FULL, nothing)

    catalogue.index.restore([])
    catalogue.index.catch_up([])
    catalogue.migrate([])

    assert catalogue.keys.all(10) == [FULL]
