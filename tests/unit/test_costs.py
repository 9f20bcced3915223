"""
What an upload and a rendering ask of the database and of the disk. Each statement and each flush is on the way of every
picture: one more may be needed, but is to be decided, not to slip in.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from tests.house import House, picture


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

    # The claim, a look whether it still holds, the verdict. Flushed: two vignettes, the outcome; each and its folder.
    assert counts == {"BEGIN": 2, "UPDATE": 2, "SELECT": 1, "fsync": 6}


def test_a_ready_vignette_is_one_statement(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.upload(picture())
    house.work()
    house.client.get("/vignette/0")

    with counted(monkeypatch) as counts:
        assert house.client.get("/vignette/0").status_code == 200

    assert counts == {"SELECT": 1}
