"""Rows of which all are written down elsewhere, whenever one of them changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from vignette.adapters.sql.database import Database
from vignette.errors import VignetteError

Value = TypeVar("Value")


class WrittenDown(Generic[Value]):
    """
    The rows of *table* that *query* selects. PostgreSQL keeps the lock of those who change them under the number
    *lock*, which is any of our own.
    """

    def __init__(
        self,
        database: Database,
        table: sa.Table,
        query: sa.Select[Any],
        lock: int,
        to_row: Callable[[Value], dict[str, Any]],
        from_row: Callable[[sa.Row[Any]], Value],
    ) -> None:
        self._database = database
        self._table = table
        self._query = query
        self._lock = lock
        self._to_row = to_row
        self._from_row = from_row

    def is_empty(self) -> bool:
        """Whether the table has no row, not even one that the query leaves out."""
        with self._database.read() as connection:
            return self._is_empty(connection)

    def all(self) -> list[Value]:
        with self._database.read() as connection:
            return self._all(connection)

    def keep(self, keep: Callable[[Sequence[Value]], None]) -> None:
        """Call *keep* with all values, while nobody can change them."""
        with self._database.write() as connection:
            self._database.lock(connection, self._lock)
            keep(self._all(connection))

    def restore(
        self,
        read: Callable[[], Sequence[Value]],
        then: Callable[[sa.Connection, Sequence[Value]], object] = lambda *_: None,
    ) -> int:
        """
        If the table has no row, insert what *read* returns, call *then*, and return how many values they are.
        """
        with self._database.write() as connection:
            self._database.lock(connection, self._lock)
            if not self._is_empty(connection):
                return 0
            values = read()
            if values:
                connection.execute(sa.insert(self._table), [self._to_row(value) for value in values])
                then(connection, values)
            return len(values)

    @contextmanager
    def changing(self, keep: Callable[[Sequence[Value]], None]) -> Iterator[sa.Connection]:
        """
        A transaction for a change, alone. At its end *keep* is called with all values, and once more if the commit then
        fails.
        """
        is_changed = False
        try:
            with self._database.write() as connection:
                self._database.lock(connection, self._lock)
                yield connection
                is_changed = True
                keep(self._all(connection))
        except BaseException:
            if is_changed:
                with suppress(VignetteError):
                    self.keep(keep)
            raise

    def _is_empty(self, connection: sa.Connection) -> bool:
        return connection.execute(sa.select(sa.literal(1)).select_from(self._table).limit(1)).first() is None

    def _all(self, connection: sa.Connection) -> list[Value]:
        return [self._from_row(row) for row in connection.execute(self._query)]
