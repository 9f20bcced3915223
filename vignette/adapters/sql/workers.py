"""`ports.catalogue.Workers` in SQL."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import Now, worker_table


class SqlWorkers:
    """See `ports.catalogue.Workers`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, worker: str) -> None:
        insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        beat = insert(worker_table).values(name=worker, seen_at=Now())
        with self._database.write() as connection:
            connection.execute(beat.on_conflict_do_update(index_elements=["name"], set_={"seen_at": Now()}))

    def seconds_since_beat(self) -> float | None:
        with self._database.read() as connection:
            return connection.execute(sa.select(Now() - sa.func.max(worker_table.c.seen_at))).scalar_one()
