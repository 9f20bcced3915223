"""
Connections and transactions: SQLite on one machine, PostgreSQL on many.

SQLite is set up for a service. It writes ahead (WAL), so that those who read never wait for the one who writes. Each
write begins with `BEGIN IMMEDIATE`: pysqlite's own transactions begin later, and two writers would read the same
number. `synchronous=FULL` flushes each commit, as an acknowledged row must survive a power cut; with `durability`
"fast" it is `NORMAL`, and the file stays sound all the same. Writers wait for each other, up to the busy timeout; the
parameter `timeout` of the URL sets another one, in seconds. What is taken out is written over with zeros
(`secure_delete`), and `empty_log` does away with what the log still holds of it.

A process that only writes what can be found out again need not wait for the disk: SQLite is `NORMAL` for it, PostgreSQL
has `synchronous_commit` off. When the machine of the database crashes, the last transactions of such a process may be
lost, but never one without those after it: both databases write one log, in order. So what a process that waits has
committed is there, with everything before it.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy as sa

from vignette.adapters.sql.counter import lock_numbers
from vignette.errors import CatalogueUnavailable, StoreFull
from vignette.limits import KIB
from vignette.model import Durability

# Unless the URL has another.
_BUSY_TIMEOUT_S: Final = 10.0

# SQLite has one writer at a time, and gives no turns to those who wait. So the threads of a process queue for its one
# connection that writes.
_SQLITE_WRITERS: Final[dict[str, Any]] = {"pool_size": 1, "max_overflow": 0, "pool_timeout": _BUSY_TIMEOUT_S}

# For each process. PostgreSQL has room for 100 connections unless it is told otherwise.
_POSTGRESQL_POOL: Final[dict[str, Any]] = {"pool_size": 5, "max_overflow": 3, "pool_timeout": 10.0}

# A row touches a handful of SQLite's pages (4 KiB each): the table's, its indexes', the counter's.
_ROOM_FOR_A_ROW_BYTES: Final = 64 * KIB

# For how long uploads wait, at worst, because somebody reads while the log is to be emptied.
_PATIENCE_OF_EMPTYING_S: Final = 0.1

# For how long a request waits, at worst, to write what may as well not be written.
_PATIENCE_OF_NOTES_S: Final = 0.1

_FULL: Final = "the disk of the catalogue is full"


class Database:
    """
    The connections of a process to the database at a SQLAlchemy URL, its transactions, and its errors as ours.

    Build one in each process: connections do not survive a fork.
    """

    def __init__(
        self, url: str, durability: Durability = "full", *, must_exist: bool = False, waits_for_disk: bool = True
    ) -> None:
        """SQLite makes its file where there is none, unless it *must_exist*: then that is `CatalogueUnavailable`."""
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._file: Path | None = None
        self._begun = threading.local()
        if not self.is_sqlite:
            self._writer = self._reader = sa.create_engine(parsed, pool_pre_ping=True, **_POSTGRESQL_POOL)
            self._hasty = self._writer
            if not waits_for_disk:
                sa.event.listen(self._writer, "connect", _do_not_wait_for_disk)
        else:
            if must_exist and not (parsed.database and Path(parsed.database).is_file()):
                raise CatalogueUnavailable("there is no catalogue: `vignette reindex` makes it from the folders")
            if parsed.database:
                self._file = Path(parsed.database)
                _make_folder_of(self._file)
            if "timeout" not in parsed.query:
                parsed = parsed.update_query_dict({"timeout": str(_BUSY_TIMEOUT_S)})
            self._writer = sa.create_engine(parsed, **_SQLITE_WRITERS)
            self._reader = sa.create_engine(parsed)
            hasty = parsed.update_query_dict({"timeout": str(_PATIENCE_OF_NOTES_S)})
            # Not the connection that writes: others may hold it for as long as they like.
            self._hasty = sa.create_engine(hasty, poolclass=sa.NullPool)
            prepare = partial(_prepare_sqlite, durability == "full" and waits_for_disk)
            sa.event.listen(self._writer, "connect", prepare)
            sa.event.listen(self._reader, "connect", prepare)
            sa.event.listen(self._hasty, "connect", partial(_prepare_sqlite, False))
            if parsed.database:
                for engine in (self._writer, self._reader):
                    _leave_with_its_file(engine, Path(parsed.database))
            sa.event.listen(self._writer, "begin", _begin_immediate)
            sa.event.listen(self._hasty, "begin", _begin_immediate)

    def probe(self) -> None:
        """
        Lock, write and commit as an upload does.

        Raises:
            StoreFull: There is no room for another row.
            CatalogueUnavailable: The database is read-only, locked for too long, damaged, or away.
        """
        with self.write() as connection:
            lock_numbers(connection)
        # The log of SQLite may have room for that little on a disk that has none for a whole row.
        if self._file is not None and shutil.disk_usage(self._file.parent).free < _ROOM_FOR_A_ROW_BYTES:
            raise StoreFull(_FULL)

    def empty_log(self) -> None:
        """
        Have SQLite take over what stands in its write-ahead log, and cut the log to nothing: older versions of rows
        stand there until others are written over them. If somebody reads or writes, it does nothing.

        PostgreSQL cleans up by itself (autovacuum), and its log is its administrator's.
        """
        if self._file is None:
            return
        # Not the connection that writes: it would wait for others for as long as they like, and keep uploads waiting.
        place = f"file:{quote(str(self._file))}?mode=rw"
        with _our_errors(), closing(sqlite3.connect(place, uri=True, timeout=_PATIENCE_OF_EMPTYING_S)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        """Close all connections."""
        self._writer.dispose()
        self._reader.dispose()

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that is committed at the end; on SQLite it is the only one that writes meanwhile."""
        with _our_errors(), self._writer.begin() as connection:
            self._begun.connection = connection
            try:
                yield connection
            finally:
                self._begun.connection = None

    def lock(self, connection: sa.Connection, number: int) -> None:
        """Wait until no other transaction holds the lock of this *number*, and hold it to the end of this one."""
        if not self.is_sqlite:  # SQLite has its lock already: BEGIN IMMEDIATE
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))

    @contextmanager
    def join(self) -> Iterator[sa.Connection]:
        """The transaction of `write` that this thread has begun; as `write`, if it has begun none."""
        begun: sa.Connection | None = getattr(self._begun, "connection", None)
        if begun is not None:
            yield begun
            return
        with self.write() as connection:
            yield connection

    @contextmanager
    def write_if_free(self) -> Iterator[sa.Connection]:
        """
        As `write`, for what may as well be lost: a crash of the machine may undo it.

        Raises:
            CatalogueUnavailable: Others have kept it from beginning, or from writing a row, for a tenth of a second.
        """
        with _our_errors(), self._hasty.begin() as connection:
            if not self.is_sqlite:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_PATIENCE_OF_NOTES_S * 1000:.0f}ms'")
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection to look with. On SQLite each statement sees what is committed when it begins."""
        with _our_errors(), self._reader.connect() as connection:
            yield connection


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        cause = getattr(error, "orig", error)
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


def _prepare_sqlite(flushes_commits: bool, connection: Any, _record: object) -> None:
    connection.isolation_level = None  # pysqlite shall begin nothing by itself
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"PRAGMA synchronous = {'FULL' if flushes_commits else 'NORMAL'}")


def _do_not_wait_for_disk(connection: Any, _record: object) -> None:
    connection.autocommit = True  # else psycopg begins a transaction, and its end takes the setting back
    connection.execute("SET synchronous_commit = off")
    connection.autocommit = False


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
