"""
What an upload, a rendering, a page and a sweep ask of the database and of the disk. Each statement and each flush is on
the way of every picture: one more may be needed, but is to be decided, not to slip in. What a statement reads is
counted in `tests/contract/test_catalogue_costs.py`.
"""

from __future__ import annotations

import os
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

    # Flushed: four files, their folder, and the one that holds the folder.
    assert counts == {"BEGIN": 1, "UPDATE": 1, "INSERT": 1, "fsync": 6}


def test_a_rendering_is_three_short_transactions(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.upload(picture())
    house.work()
    house.upload(picture())

    with counted(monkeypatch) as counts:
        house.work()

    # The claim, a look whether it still holds, the verdict. Flushed: two vignettes and their folder; the outcome and
    # the folder again.
    assert counts == {"BEGIN": 2, "UPDATE": 2, "SELECT": 1, "fsync": 5}


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
        written = {"BEGIN": 2, "UPDATE": 2, "SELECT": 2, "fsync": 5}
        assert counts == (written if others_wait else {"BEGIN": 3, "UPDATE": 3, "SELECT": 4, "fsync": 10})


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
        house.renewal.advance()

    assert counts == {"SELECT": 10 if backlog else 5}
