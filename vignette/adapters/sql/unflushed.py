"""`ports.catalogue.Unflushed` in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import Now, unflushed_table, worker_table
from vignette.model import ImageId
from vignette.ports.catalogue import Note

# A machine none of whose workers was heard of for so long has crashed, or it has written everything to the disk by now:
# Linux leaves nothing in memory for longer than about half a minute (dirty_expire_centisecs).
_SILENCE_S: Final = 60.0

_number, _boot = unflushed_table.c.number, unflushed_table.c.boot


class SqlUnflushed:
    """
    A row for each rendering that has ended, added by `SqlRenderings.finish` in its transaction.

    Rows have an order by their numbers and not by a clock, which may be set back. The files of a rendering are written
    before the database gives its row a number. So whoever reads the highest number and then flushes has flushed the
    files of all lower numbers, even of rows that are committed only later.
    """

    def __init__(self, database: Database, boot: str | None) -> None:
        self._database = database
        self._boot = boot or ""

    def last(self) -> int | None:
        query = sa.select(sa.func.max(_number)).where(_boot == self._boot)
        with self._database.read() as connection:
            number: int | None = connection.execute(query).scalar_one()
        return number

    def up_to(self, number: int, limit: int) -> list[Note]:
        query = sa.select(unflushed_table).where(_boot == self._boot, _number <= number).order_by(_number)
        with self._database.read() as connection:
            return [Note(row.number, ImageId(row.image_id)) for row in connection.execute(query.limit(limit))]

    def forget_up_to(self, number: int) -> None:
        with self._database.write() as connection:
            connection.execute(sa.delete(unflushed_table).where(_boot == self._boot, _number <= number))

    def of_crashed_machines(self, limit: int) -> list[Note]:
        # Two ranges of the index: those of this machine may be many.
        queries = [
            sa.select(unflushed_table).where(others, *self._is_silent()).order_by(_boot, _number).limit(limit)
            for others in (_boot < self._boot, _boot > self._boot)
        ]
        with self._database.read() as connection:
            rows = [row for query in queries for row in connection.execute(query)]
        return [Note(row.number, ImageId(row.image_id)) for row in rows[:limit]]

    def forget(self, notes: Sequence[Note]) -> None:
        with self._database.write() as connection:
            connection.execute(sa.delete(unflushed_table).where(_number.in_([note.number for note in notes])))

    def _is_silent(self) -> list[sa.ColumnElement[bool]]:
        if self._database.is_sqlite:  # all of its workers are on this machine: another start of it has ended
            return []
        is_heard = sa.and_(worker_table.c.boot == _boot, worker_table.c.seen_at > Now() - _SILENCE_S)
        return [~sa.exists().where(is_heard)]
