"""`ports.audit` in SQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vignette.access.events import Event, Place, What
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import audit_table, milliseconds, moment_of
from vignette.model import ImageId

# Made once: to make such a statement costs more than to execute it, and each upload executes this one.
_INSERT: Final = sa.insert(audit_table)

_at, _number = audit_table.c.at_ms, audit_table.c.number


class SqlAudit:
    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, event: Event) -> None:
        with self._database.join() as connection:
            connection.execute(_INSERT, _to_row(event))

    def note_if_free(self, event: Event) -> None:
        with self._database.write_if_free() as connection:
            connection.execute(_INSERT, _to_row(event))

    def newest(
        self,
        limit: int,
        before: Place | None = None,
        *,
        actor: str | None = None,
        image_id: ImageId | None = None,
        what: What | None = None,
        after: datetime | None = None,
    ) -> list[tuple[Place, Event]]:
        conditions: list[sa.ColumnElement[bool]] = []
        if before is not None:
            conditions.append(sa.tuple_(_at, _number) < (before.at_ms, before.number))
        if after is not None:
            conditions.append(_at > milliseconds(after))
        wanted = {audit_table.c.actor: actor, audit_table.c.image_id: image_id, audit_table.c.what: what}
        conditions += [column == value for column, value in wanted.items() if value is not None]
        query = sa.select(audit_table).where(*conditions).order_by(_at.desc(), _number.desc()).limit(limit)
        with self._database.read() as connection:
            return [(Place(row.at_ms, row.number), _from_row(row)) for row in connection.execute(query)]

    def clear(self, until: datetime, limit: int) -> int:
        oldest = sa.select(_number).where(_at < milliseconds(until)).order_by(_at, _number).limit(limit)
        with self._database.read() as connection:
            numbers = list(connection.execute(oldest).scalars())
        if not numbers:  # most often: then nobody who writes waits
            return 0
        with self._database.write() as connection:
            return connection.execute(sa.delete(audit_table).where(_number.in_(numbers))).rowcount


def _to_row(event: Event) -> dict[str, Any]:
    return {
        "at_ms": milliseconds(event.at),
        "what": event.what.value,
        "actor": event.actor,
        "address": event.address,
        "image_id": event.image_id,
        "subject": event.subject,
        "detail": event.detail,
        "times": event.times,
    }


def _from_row(row: sa.Row[Any]) -> Event:
    return Event(
        at=moment_of(row.at_ms),
        what=What(row.what),
        actor=row.actor,
        address=row.address,
        image_id=None if row.image_id is None else ImageId(row.image_id),
        subject=row.subject,
        detail=row.detail,
        times=row.times,
    )
