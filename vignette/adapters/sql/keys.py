"""`ports.access` in SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vignette.access.keys import Key
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.key_rows import find_key, key_from_row, key_to_row
from vignette.adapters.sql.tables import key_table, milliseconds
from vignette.adapters.sql.written_down import WrittenDown
from vignette.errors import KeyNotFound
from vignette.ports.access import Keep

# Any number of our own: under it PostgreSQL keeps the lock of those who change keys.
_KEYS_LOCK: Final = 0x766B6579

_CHANGEABLE: Final = (
    *("name", "scopes", "expires_at_ms", "networks", "origins"),
    *("quota_images", "quota_bytes", "quota_images_per_day"),
)

# Made once: to make such a statement costs more than to execute it, and each request with a key executes this one.
_WITH_DIGEST: Final = sa.select(key_table).where(key_table.c.digest == sa.bindparam("digest"))
_NEWEST_FIRST: Final = sa.select(key_table).order_by(key_table.c.created_at_ms.desc(), key_table.c.id.desc())


class SqlKeys:
    """Both ports of `ports.access`. Whoever rebuilds the index leaves the table of keys as it is."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = WrittenDown(database, key_table, _NEWEST_FIRST, _KEYS_LOCK, key_to_row, key_from_row)

    def add(self, key: Key, keep: Keep) -> None:
        with self._rows.changing(keep) as connection:
            connection.execute(sa.insert(key_table), key_to_row(key))

    def get(self, key_id: str) -> Key:
        with self._database.read() as connection:
            return _get(connection, key_id)

    def with_digest(self, digest: str) -> Key | None:
        with self._database.read() as connection:
            row = connection.execute(_WITH_DIGEST, {"digest": digest}).one_or_none()
        return None if row is None else key_from_row(row)

    def all(self, limit: int, after: str | None = None) -> list[Key]:
        query = _NEWEST_FIRST.limit(limit)
        with self._database.read() as connection:
            if after is not None:
                place = (milliseconds(_get(connection, after).created_at), after)
                query = query.where(sa.tuple_(key_table.c.created_at_ms, key_table.c.id) < place)
            return [key_from_row(row) for row in connection.execute(query)]

    def change(self, key_id: str, edit: Callable[[Key], Key], keep: Keep) -> Key:
        with self._rows.changing(keep) as connection:
            edited = edit(_get(connection, key_id))
            row = key_to_row(edited)
            values = {name: row[name] for name in _CHANGEABLE}
            connection.execute(sa.update(key_table).where(key_table.c.id == key_id).values(**values))
        return edited

    def remove(self, key_id: str, keep: Keep) -> None:
        with self._rows.changing(keep) as connection:
            if connection.execute(sa.delete(key_table).where(key_table.c.id == key_id)).rowcount == 0:
                raise _not_found(key_id)

    def note_use(self, key_id: str, at: datetime) -> None:
        used_at = milliseconds(at)
        last = key_table.c.last_used_at_ms
        note = sa.update(key_table).where(key_table.c.id == key_id, sa.or_(last.is_(None), last < used_at))
        with self._database.write_if_free() as connection:
            connection.execute(note.values(last_used_at_ms=used_at))

    def is_empty(self) -> bool:
        return self._rows.is_empty()

    def kept(self) -> list[Key]:
        return self._rows.all()

    def keep(self, keep: Keep) -> None:
        self._rows.keep(keep)

    def restore(self, read: Callable[[], Sequence[Key]]) -> int:
        return self._rows.restore(read)


def _get(connection: sa.Connection, key_id: str) -> Key:
    key = find_key(connection, key_id)
    if key is None:
        raise _not_found(key_id)
    return key


def _not_found(key_id: str) -> KeyNotFound:
    return KeyNotFound(f"there is no key {key_id[:40]!r}")
