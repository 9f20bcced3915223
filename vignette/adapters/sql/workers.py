"""`ports.catalogue.Workers` in SQL."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import Now, worker_table

# A worker that is started again has another name, so rows would add up for ever. A day is far longer than any silence
# after which a worker that lives is heard of again.
_REMEMBERED_S: Final = 24 * 3600.0


class SqlWorkers:
    """A row for each worker that was heard of lately. Each beat removes those of workers that are long gone."""

    def __init__(self, database: Database, boot: str | None) -> None:
        self._database = database
        self._boot = boot

    def beat(self, worker: str) -> None:
        insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        beat = insert(worker_table).values(name=worker, seen_at=Now(), boot=self._boot)
        forget = sa.delete(worker_table).where(worker_table.c.seen_at < Now() - _REMEMBERED_S)
        with self._database.write() as connection:
            connection.execute(
                beat.on_conflict_do_update(index_elements=["name"], set_={"seen_at": Now(), "boot": self._boot})
            )
            connection.execute(forget)

    def seconds_since_beat(self) -> float | None:
        with self._database.read() as connection:
            return connection.execute(sa.select(Now() - sa.func.max(worker_table.c.seen_at))).scalar_one()
