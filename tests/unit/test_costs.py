"""
What an upload, a rendering, a page and a sweep ask of the database and of the disk. Each statement and each flush is on
the way of every picture: one more may be needed, but is to be decided, not to slip in. What a statement reads is
counted in `tests/contract/test_catalogue_costs.py`.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.house import SMALL, House, picture
from tests.house import house as house_below
from vignette.recipes import Recipe


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """SQL statements by their first word, and flushes (`fsync`), while it lasts."""
    counts: Counter[str] = Counter()
    fsync = os.fsync

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        counts[statement.split()[0]] += 1

    def flush(descriptor: int) -> None:
        counts["fsync"] += 1
        fsync(descriptor)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    monkeypatch.setattr(os, "fsync", flush)
    try:
        yield counts
    finally:
        monkeypatch.undo()
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def test_an_upload_is_one_transaction(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.upload(picture())

    with counted(monkeypatch) as counts:
        house.upload(picture())

    # Inserted: the image, and the event of the audit.
    # Flushed: four files, their folder, and the one that holds the folder.
    assert counts == {"BEGIN": 1, "UPDATE": 1, "INSERT": 2, "fsync": 6}


@contextmanager
def noted(folder: Path) -> Iterator[Counter[tuple[str, str]]]:
    """Count what is done to files below *folder*: (audit event, name of the file), while it lasts."""
    counts: Counter[tuple[str, str]] = Counter()
    is_counting = True

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if is_counting and event in ("open", "os.remove", "os.rmdir") and str(folder) in str(arguments[0]):
            counts[event, Path(str(arguments[0])).name] += 1

    sys.addaudithook(note)  # there is no way to remove it
    try:
        yield counts
    finally:
        is_counting = False


def test_an_upload_opens_each_file_once_and_has_nothing_to_remove(house: House) -> None:
    house.upload(picture())

    with noted(house.uploads) as counts:
        house.upload(picture())

    files = ("original", "record.json", "metadata.json", "metadata.txt")
    folders = [entry for entry in counts if entry[1] not in files]
    # An opening with an opener of ours is told twice. The door reads the original by a descriptor that cannot write.
    once = {("open", name): 2 for name in files}
    assert {entry: counts[entry] for entry in counts if entry not in folders} == once | {("open", "original"): 3}
    # To be flushed: the folder, and the one that holds it. To be locked while room is reserved: the staging folder.
    assert [counts[entry] for entry in folders] == [1, 1, 1]


def test_a_rendering_is_two_short_transactions_and_waits_for_no_flush(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.upload(picture())
    house.work()
    house.upload(picture())

    with counted(monkeypatch) as counts:
        house.work()

    # The claim, a look whether it still holds, the verdict with the note that its files are not flushed.
    assert counts == {"BEGIN": 2, "UPDATE": 2, "SELECT": 1, "INSERT": 1}


@pytest.mark.parametrize("others_wait", [True, False])
def test_another_size_costs_a_look_at_who_waits_and_where_nobody_does_a_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others_wait: bool
) -> None:
    with house_below(tmp_path, recipes=[SMALL, Recipe("large", 300, 300)]) as house:
        for _ in range(1 + others_wait):
            house.upload(picture())

        with counted(monkeypatch) as counts:
            house.rendering.render(house.jobs.take())

        # Who waits is asked before the first size and behind it, and each time it is written whether the claim holds.
        written = {"BEGIN": 2, "UPDATE": 2, "SELECT": 2, "INSERT": 1}
        assert counts == (written if others_wait else {"BEGIN": 3, "UPDATE": 3, "SELECT": 4, "INSERT": 2})


def test_a_ready_vignette_is_one_statement(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.upload(picture())
    house.work()
    house.client.get("/vignette/0")

    with counted(monkeypatch) as counts:
        assert house.client.get("/vignette/0").status_code == 200

    assert counts == {"SELECT": 1}


def test_a_list_of_images_is_one_statement(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        house.upload(picture())

    with counted(monkeypatch) as counts:
        assert house.client.get("/images").status_code == 200

    assert counts == {"SELECT": 1}


@pytest.mark.parametrize("backlog", [0, 3])
def test_a_sweep_that_finds_nothing_to_do_locks_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, backlog: int
) -> None:
    house.upload(picture())
    house.work()
    for _ in range(backlog):
        house.upload(picture())

    with counted(monkeypatch) as counts:
        house.sweeping.sweep()
        house.recovery.advance()
        house.renewal.advance()

    # One of them looks for changes that a crash has cut short, two read keys and tickets to compare their copies.
    assert counts == {"SELECT": 16 if backlog else 11}

    with counted(monkeypatch) as next_counts:
        house.sweeping.sweep()

    assert next_counts == {"SELECT": 8 if backlog else 3}
