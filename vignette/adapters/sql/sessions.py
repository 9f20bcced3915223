"""`ports.sessions` in SQL."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vignette.access.sessions import ENDS_AFTER, IDLE_ENDS_AFTER, Session
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import milliseconds, moment_of, session_table

_TIMES: Final = ("created_at", "last_used_at")

_WITH_DIGEST: Final = sa.select(session_table).where(session_table.c.digest == sa.bindparam("digest"))
_OF_KEY: Final = (
    sa.select(session_table)
    .where(session_table.c.key_id == sa.bindparam("key_id"))
    .order_by(session_table.c.last_used_at_ms.desc(), session_table.c.id)
)


class SqlSessions:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: Session, *, at_most: int) -> None:
        row = _to_row(session)
        idle = session_table.c.last_used_at_ms < milliseconds(session.created_at - IDLE_ENDS_AFTER)
        old = session_table.c.created_at_ms < milliseconds(session.created_at - ENDS_AFTER)
        with self._database.write() as connection:
            connection.execute(sa.delete(session_table).where(sa.or_(idle, old)))
            connection.execute(sa.insert(session_table), row)
            surplus = [each.id for each in connection.execute(_OF_KEY, {"key_id": session.key_id})][at_most:]
            connection.execute(sa.delete(session_table).where(session_table.c.id.in_(surplus)))

    def with_digest(self, digest: str) -> Session | None:
        with self._database.read() as connection:
            row = connection.execute(_WITH_DIGEST, {"digest": digest}).one_or_none()
        return None if row is None else _from_row(row)

    def of_key(self, key_id: str) -> list[Session]:
        with self._database.read() as connection:
            return [_from_row(row) for row in connection.execute(_OF_KEY, {"key_id": key_id})]

    def note_use(self, session_id: str, at: datetime) -> None:
        note = sa.update(session_table).where(session_table.c.id == session_id)
        with self._database.write_if_free() as connection:
            connection.execute(note.values(last_used_at_ms=milliseconds(at)))

    def remove(self, session_id: str, key_id: str) -> bool:
        own = sa.and_(session_table.c.id == session_id, session_table.c.key_id == key_id)
        with self._database.write() as connection:
            return connection.execute(sa.delete(session_table).where(own)).rowcount > 0


def _to_row(session: Session) -> dict[str, Any]:
    row = asdict(session)
    return {name: value for name, value in row.items() if name not in _TIMES} | {
        f"{name}_ms": milliseconds(row[name]) for name in _TIMES
    }


def _from_row(row: sa.Row[Any]) -> Session:
    created_at, last_used_at = moment_of(row.created_at_ms), moment_of(row.last_used_at_ms)
    return Session(row.id, row.digest, row.key_id, created_at, last_used_at, row.agent)
