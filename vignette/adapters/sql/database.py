"""
The catalogue in SQL: SQLite (in WAL mode) on one machine, PostgreSQL on many, one code for both.

What SQLite needs: `BEGIN IMMEDIATE`, because pysqlite's own transactions begin too late and two writers then read the
same number; `synchronous=FULL`, because a row that was acknowledged must survive a power cut (`NORMAL` where
`durability` is "fast": the file stays sound all the same); a busy timeout, because writers wait for each other. Leases
count on the database's own clock, so that machines need not agree on theirs.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from vignette.adapters.sql.counter import lock_numbers
from vignette.errors import CatalogueUnavailable, StoreFull
from vignette.limits import KIB
from vignette.model import Durability

_BUSY_TIMEOUT_MS: Final = 10_000

# SQLite lets one write at a time, and who waits longest may wait for ever: threads that queue for the one connection
# have their turns.
_SQLITE_WRITERS: Final[dict[str, Any]] = {"pool_size": 1, "max_overflow": 0, "pool_timeout": _BUSY_TIMEOUT_MS / 1000}

# For each process. PostgreSQL has room for 100 connections unless it is told otherwise.
_POSTGRESQL_POOL: Final[dict[str, Any]] = {"pool_size": 5, "max_overflow": 3, "pool_timeout": 10.0}

# A row touches a handful of SQLite's pages (4 KiB each): the table's, its indexes', the counter's.
_ROOM_FOR_A_ROW_BYTES: Final = 64 * KIB

_FULL: Final = "the disk of the catalogue is full"


class Database:
    """
    The connections of a process to the database at a SQLAlchemy URL, its transactions, and its errors as ours.

    Build one in each process: connections do not survive a fork.
    """

    def __init__(self, url: str, durability: Durability = "full", *, must_exist: bool = False) -> None:
        """SQLite makes its file where there is none, unless it *must_exist*: then that is `CatalogueUnavailable`."""
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._folder: Path | None = None
        if not self.is_sqlite:
            self._writer = self._reader = sa.create_engine(parsed, pool_pre_ping=True, **_POSTGRESQL_POOL)
        else:
            if must_exist and not (parsed.database and Path(parsed.database).is_file()):
                raise CatalogueUnavailable("there is no catalogue: `vignette reindex` makes it from the folders")
            if parsed.database:
                self._folder = Path(parsed.database).parent
                _make_folder_of(Path(parsed.database))
            self._writer = sa.create_engine(parsed, **_SQLITE_WRITERS)
            self._reader = sa.create_engine(parsed)
            prepare = partial(_prepare_sqlite, durability)
            sa.event.listen(self._writer, "connect", prepare)
            sa.event.listen(self._reader, "connect", prepare)
            if parsed.database:
                for engine in (self._writer, self._reader):
                    _leave_with_its_file(engine, Path(parsed.database))
            sa.event.listen(self._writer, "begin", _begin_immediate)

    def probe(self) -> None:
        # Takes the lock that an upload takes, and commits as it does, so that a read-only, full or wedged database is
        # told from a sound one.
        with self.write() as connection:
            lock_numbers(connection)
        # The log of SQLite may have room for that little on a disk that has none for a whole row.
        if self._folder is not None and shutil.disk_usage(self._folder).free < _ROOM_FOR_A_ROW_BYTES:
            raise StoreFull(_FULL)

    def close(self) -> None:
        """Close all connections."""
        self._writer.dispose()
        self._reader.dispose()

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        with _our_errors(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        with _our_errors(), self._reader.connect() as connection:
            yield connection


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        cause = getattr(error, "orig", None)
        if (
            getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            or getattr(cause, "sqlstate", None) == "53100"
        ):
            raise StoreFull(_FULL) from error
        # PostgreSQL's words may name hosts and users: they are for the log, which follows `__cause__`.
        reason = f": {cause}" if isinstance(cause, sqlite3.Error) else ""
        raise CatalogueUnavailable(f"the catalogue cannot be used now{reason}") from error


def _make_folder_of(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CatalogueUnavailable("the folder of the catalogue cannot be made") from error


def _prepare_sqlite(durability: Durability, connection: Any, _record: object) -> None:
    connection.isolation_level = None  # pysqlite shall begin nothing by itself
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")


def _leave_with_its_file(engine: sa.Engine, file: Path) -> None:
    """
    Drop connections to a database file that was removed or replaced: what is written there nobody reads, and two
    processes that see different files give the same number twice.
    """

    def identity() -> tuple[int, int] | None:
        try:
            status = file.stat()
        except OSError:  # it is gone, or its folder is closed to us: SQLite says so when it opens it
            return None
        return status.st_dev, status.st_ino

    def note(_connection: Any, record: Any) -> None:
        record.info["file"] = identity()

    def check(_connection: Any, record: Any, _proxy: object) -> None:
        if record.info["file"] != identity():
            raise sa.exc.DisconnectionError

    sa.event.listen(engine, "connect", note)
    sa.event.listen(engine, "checkout", check)


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
