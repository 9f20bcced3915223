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
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from vignette.adapters import migrations
from vignette.errors import CatalogueUnavailable, IdempotencyKeyReused, ImageNotFound, StoreFull
from vignette.limits import KIB
from vignette.model import Durability, Failure, Image, ImageFacts, ImageId, Placeholder, Record, State
from vignette.ports import Claim

_BUSY_TIMEOUT_MS: Final = 10_000

# SQLite lets one write at a time, and who waits longest may wait for ever: threads that queue for the one connection
# have their turns.
_SQLITE_WRITERS: Final[dict[str, Any]] = {"pool_size": 1, "max_overflow": 0, "pool_timeout": _BUSY_TIMEOUT_MS / 1000}

# For each process. PostgreSQL has room for 100 connections unless it is told otherwise.
_POSTGRESQL_POOL: Final[dict[str, Any]] = {"pool_size": 5, "max_overflow": 3, "pool_timeout": 10.0}

# A row touches a handful of SQLite's pages (4 KiB each): the table's, its indexes', the counter's.
_ROOM_FOR_A_ROW_BYTES: Final = 64 * KIB

_FULL: Final = "the disk of the catalogue is full"

# Any number: it names Vignette's migrations among PostgreSQL's advisory locks.
_MIGRATION_LOCK: Final = 0x7669676E

_metadata = sa.MetaData()

_image = sa.Table(
    "image",
    _metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("media_type", sa.Text),
    sa.Column("extension", sa.Text),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
    sa.Column("frames", sa.Integer),
    sa.Column("bytes", sa.BigInteger),
    sa.Column("sha256", sa.Text),
    sa.Column("received_at_ms", sa.BigInteger),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("state", sa.Text),
    sa.Column("attempts", sa.Integer),
    sa.Column("failure", sa.JSON(none_as_null=True)),
    sa.Column("hinted_at", sa.Float),
    sa.Column("lease_until", sa.Float),
    sa.Column("thumbhash", sa.Text),
    sa.Column("colour", sa.Text),
    sa.Column("recipes", sa.Text, key="recipe_set"),
)
_counter = sa.Table("counter", _metadata, sa.Column("id", sa.Integer), sa.Column("next", sa.BigInteger))
_worker = sa.Table("worker", _metadata, sa.Column("name", sa.Text), sa.Column("seen_at", sa.Float))

# What stands in `state` of an image that is ready, and waits to be rendered again, or is. In that column, because such
# images are queued, claimed and found again as those that are rendered for the first time.
_RENEWING: Final = "renewing"

_UNFINISHED: Final = _image.c.state.in_([State.PENDING, State.PROCESSING, _RENEWING])


class _Now(FunctionElement[float]):
    """The database's clock, in seconds since the epoch."""

    inherit_cache = True
    type = sa.Float()


@compiles(_Now, "sqlite")
def _now_on_sqlite(_element: _Now, _compiler: object, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(_Now, "postgresql")
def _now_on_postgresql(_element: _Now, _compiler: object, **_: Any) -> str:
    return "extract(epoch from clock_timestamp())"


class SqlCatalogue:
    """A `Catalogue` at a SQLAlchemy URL. Build one in each process: connections do not survive a fork."""

    def __init__(self, url: str, durability: Durability = "full", *, must_exist: bool = False) -> None:
        """SQLite makes its file where there is none, unless it *must_exist*: then that is `CatalogueUnavailable`."""
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self._is_sqlite = parsed.get_backend_name() == "sqlite"
        self._folder: Path | None = None
        if not self._is_sqlite:
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

    def migrate(self, images: Iterable[tuple[ImageId, Image | None]]) -> None:
        """
        Bring the schema up to date; safe with many processes starting at once.

        A catalogue that has to be made anew begins with *images*, in the same transaction: it was lost, perhaps, and no
        upload may be given a number that is taken. *images* is not read otherwise.

        Raises:
            CatalogueUnavailable: It cannot be opened, or was written by a newer Vignette.
        """
        with self._write() as connection:
            if not self._is_sqlite:  # SQLite has its lock already: BEGIN IMMEDIATE
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            current = _revision(connection)
            known = migrations.revisions()
            if current == known[-1]:
                return
            if current is not None and current not in known:
                raise CatalogueUnavailable(
                    f"the catalogue has version {current!r}, which this Vignette does not know: a newer one wrote it"
                )
            migrations.upgrade(connection)
            if current is None:
                _restore(connection, images)

    def add(self, record: Record, promote: Callable[[ImageId], None]) -> tuple[Image, bool]:
        with self._write() as connection:
            # First of all: the counter's row is the lock under which keys are compared and numbers given.
            taken = sa.update(_counter).values(next=_counter.c.next + 1).returning(_counter.c.next)
            image_id = ImageId(connection.execute(taken).scalar_one() - 1)
            earlier = _with_key(connection, record.idempotency_key)
            if earlier is not None:
                connection.rollback()
                return _same_upload(earlier, record), False
            promote(image_id)
            image = Image(image_id, record, State.PENDING)
            connection.execute(sa.insert(_image).values(**_to_row(image), hinted_at=_Now()))
        return image, True

    def get(self, image_id: ImageId) -> Image:
        with self._read() as connection:
            row = connection.execute(sa.select(_image).where(_image.c.id == image_id)).one_or_none()
        if row is None:
            raise ImageNotFound(f"there is no image {image_id}")
        return _from_row(row)

    def newest(self, limit: int, before: ImageId | None = None) -> list[Image]:
        query = sa.select(_image).where(_image.c.state.not_in([State.DELETING, State.DELETED]))
        if before is not None:
            query = query.where(_image.c.id < before)
        with self._read() as connection:
            return [_from_row(row) for row in connection.execute(query.order_by(_image.c.id.desc()).limit(limit))]

    def claim(self, image_id: ImageId, lease_s: float) -> Claim | None:
        claim = (
            sa.update(_image)
            .where(_image.c.id == image_id, _UNFINISHED, _is_free())
            .values(
                state=sa.case((_image.c.state == _RENEWING, _RENEWING), else_=State.PROCESSING.value),
                attempts=_image.c.attempts + 1,
                lease_until=_Now() + lease_s,
            )
            .returning(_image)
        )
        with self._write() as connection:
            row = connection.execute(claim).one_or_none()
        return None if row is None else Claim(_from_row(row), row.attempts)

    def finish(
        self, claim: Claim, failure: Failure | None, placeholder: Placeholder | None = None, recipe_set: str = ""
    ) -> bool:
        is_ready = failure is None or claim.image.is_renewing
        keeps_placeholder = failure is not None and claim.image.is_renewing
        values = {
            "state": State.READY if is_ready else State.FAILED,
            "failure": None if failure is None else asdict(failure),
            "lease_until": None,
            "recipe_set": recipe_set,
            **({} if keeps_placeholder else _placeholder_columns(placeholder)),
        }
        was_deleted = sa.and_(
            _image.c.id == claim.image.id, _image.c.state == State.DELETING, _image.c.attempts == claim.attempt
        )
        with self._write() as connection:
            if connection.execute(sa.update(_image).where(_holds(claim)).values(**values)).rowcount == 1:
                return True
            connection.execute(sa.update(_image).where(was_deleted).values(lease_until=None))
            return False

    def release(self, image_id: ImageId, failure: Failure, pause_s: float) -> None:
        release = (
            sa.update(_image)
            .where(_image.c.id == image_id, _image.c.state.in_([State.PROCESSING, _RENEWING]))
            .values(failure=asdict(failure), lease_until=_Now() + pause_s)
        )
        with self._write() as connection:
            connection.execute(release)

    def postpone(self, claim: Claim, failure: Failure, pause_s: float) -> None:
        postpone = (
            sa.update(_image)
            .where(_holds(claim))
            .values(attempts=claim.attempt - 1, failure=asdict(failure), lease_until=_Now() + pause_s)
        )
        with self._write() as connection:
            connection.execute(postpone)

    def reset(self, image_id: ImageId) -> None:
        reset = (
            sa.update(_image)
            .where(_image.c.id == image_id, _image.c.state.in_([State.READY, State.FAILED]))
            .values(state=sa.case((_image.c.state == State.READY, _RENEWING), else_=State.PENDING.value), **_anew())
        )
        with self._write() as connection:
            connection.execute(reset)

    def renew(self, recipe_set: str, limit: int) -> list[ImageId]:
        is_ready = _image.c.state == State.READY
        found: list[int] = []
        # Most of the time there are none: that takes no lock. Two ranges of the index, where `!=` would be all of it.
        with self._read() as connection:
            for by_others in (_image.c.recipe_set < recipe_set, _image.c.recipe_set > recipe_set):
                query = sa.select(_image.c.id).where(is_ready, by_others).limit(limit - len(found))
                found += connection.execute(query).scalars()
        if not found:
            return []
        renew = (
            sa.update(_image)
            .where(_image.c.id.in_(found), is_ready, _image.c.recipe_set != recipe_set)
            .values(state=_RENEWING, **_anew())
            .returning(_image.c.id)
        )
        with self._write() as connection:
            return sorted(ImageId(number) for number in connection.execute(renew).scalars())

    def rendered(self, except_by: str | None = None) -> list[ImageId]:
        query = sa.select(_image.c.id).where(_is_in(State.READY))
        if except_by is not None:
            query = query.where(sa.or_(_image.c.recipe_set != except_by, _image.c.failure.is_not(None)))
        with self._read() as connection:
            return [ImageId(number) for number in connection.execute(query.order_by(_image.c.id)).scalars()]

    def forgotten(self, min_age_s: float, limit: int) -> list[ImageId]:
        return self._hand_out(sa.and_(_UNFINISHED, _is_free(), _image.c.hinted_at < _Now() - min_age_s), limit)

    def interrupted(self, limit: int) -> list[ImageId]:
        not_handed_out_since = _image.c.hinted_at < _image.c.lease_until
        return self._hand_out(sa.and_(_UNFINISHED, _image.c.lease_until < _Now(), not_handed_out_since), limit)

    def _hand_out(self, condition: sa.ColumnElement[bool], limit: int) -> list[ImageId]:
        # Who has no vignette yet comes before those that would have others.
        order = (_image.c.state == _RENEWING, _image.c.id)
        chosen = sa.select(_image.c.id).where(condition).order_by(*order).limit(limit)
        if not self._is_sqlite:
            chosen = chosen.with_for_update(skip_locked=True)
        hand_out = sa.update(_image).where(_image.c.id.in_(chosen)).values(hinted_at=_Now()).returning(_image.c.id)
        with self._write() as connection:
            return sorted(ImageId(row.id) for row in connection.execute(hand_out))

    def unfinished(self) -> int:
        with self._read() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(_image).where(_UNFINISHED)).scalar_one()

    def unclaimed(self, image_ids: Collection[ImageId]) -> set[ImageId]:
        waiting = sa.select(_image.c.id).where(_image.c.id.in_(image_ids), _UNFINISHED, _is_free())
        with self._read() as connection:
            return set(connection.execute(waiting).scalars())

    def begin_delete(self, image_id: ImageId) -> bool:
        begin = (
            sa.update(_image)
            .where(_image.c.id == image_id, _image.c.state.not_in([State.DELETING, State.DELETED]))
            .values(state=State.DELETING)
        )
        with self._write() as connection:
            return connection.execute(begin).rowcount == 1

    def end_delete(self, image_id: ImageId) -> None:
        with self._write() as connection:
            connection.execute(
                sa.update(_image)
                .where(_image.c.id == image_id, _image.c.state == State.DELETING, _is_free())
                .values(state=State.DELETED, name=None, failure=None, lease_until=None, **_placeholder_columns(None))
            )

    def in_state(self, state: State, limit: int, after: ImageId | None = None) -> list[ImageId]:
        query = sa.select(_image.c.id).where(_is_in(state))
        if after is not None:
            query = query.where(_image.c.id > after)
        with self._read() as connection:
            return [
                ImageId(number) for number in connection.execute(query.order_by(_image.c.id).limit(limit)).scalars()
            ]

    def restore(self, images: Iterable[tuple[ImageId, Image | None]]) -> int:
        with self._write() as connection:
            return _restore(connection, images)

    def catch_up(self, images: Iterable[tuple[ImageId, Image | None]]) -> int:
        with self._write() as connection:
            following = connection.execute(sa.select(_counter.c.next).with_for_update()).scalar_one()
            return _insert(connection, ((number, image) for number, image in images if number >= following))

    def index(self, image: Image) -> None:
        with self._write() as connection:
            following = sa.case((_counter.c.next <= image.id, image.id + 1), else_=_counter.c.next)
            connection.execute(sa.update(_counter).values(next=following))
            connection.execute(sa.delete(_image).where(_image.c.id == image.id))
            connection.execute(sa.insert(_image).values(**_to_row(image), hinted_at=0))

    def next_id(self) -> ImageId:
        with self._read() as connection:
            return ImageId(connection.execute(sa.select(_counter.c.next)).scalar_one())

    def beat(self, worker: str) -> None:
        insert = sqlite.insert if self._is_sqlite else postgresql.insert
        beat = insert(_worker).values(name=worker, seen_at=_Now())
        with self._write() as connection:
            connection.execute(beat.on_conflict_do_update(index_elements=["name"], set_={"seen_at": _Now()}))

    def seconds_since_beat(self) -> float | None:
        with self._read() as connection:
            return connection.execute(sa.select(_Now() - sa.func.max(_worker.c.seen_at))).scalar_one()

    def probe(self) -> None:
        # Takes the lock that an upload takes, and commits as it does, so that a read-only, full or wedged database is
        # told from a sound one.
        with self._write() as connection:
            connection.execute(sa.update(_counter).values(next=_counter.c.next))
        # The log of SQLite may have room for that little on a disk that has none for a whole row.
        if self._folder is not None and shutil.disk_usage(self._folder).free < _ROOM_FOR_A_ROW_BYTES:
            raise StoreFull(_FULL)

    def close(self) -> None:
        """Close all connections."""
        self._writer.dispose()
        self._reader.dispose()

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        with _our_errors(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
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


def _holds(claim: Claim) -> sa.ColumnElement[bool]:
    state = _RENEWING if claim.image.is_renewing else State.PROCESSING
    return sa.and_(_image.c.id == claim.image.id, _image.c.state == state, _image.c.attempts == claim.attempt)


def _is_in(state: State) -> sa.ColumnElement[bool]:
    return _image.c.state.in_([State.READY, _RENEWING] if state is State.READY else [state])


def _anew() -> dict[str, Any]:
    """The columns of an image that was just queued to be rendered from the beginning."""
    return {"attempts": 0, "failure": None, "lease_until": None, "hinted_at": _Now()}


def _is_free() -> sa.ColumnElement[bool]:
    return sa.or_(_image.c.lease_until.is_(None), _image.c.lease_until < _Now())


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision


def _restore(connection: sa.Connection, images: Iterable[tuple[ImageId, Image | None]]) -> int:
    connection.execute(sa.update(_counter).values(next=_counter.c.next))  # the lock that `add` takes
    connection.execute(sa.delete(_image))
    return _insert(connection, images)


def _insert(connection: sa.Connection, images: Iterable[tuple[ImageId, Image | None]]) -> int:
    """Insert *images* and take their numbers; return how many numbers of images there were."""
    count, following = 0, 0
    for image_id, image in images:
        following = max(following, image_id + 1)
        if image is not None:
            connection.execute(sa.insert(_image).values(**_to_row(_with_a_key_of_its_own(connection, image))))
            count += 1
    connection.execute(sa.update(_counter).where(_counter.c.next < following).values(next=following))
    return count


def _with_a_key_of_its_own(connection: sa.Connection, image: Image) -> Image:
    """*image*, without its idempotency key if another has that already: somebody has copied a folder."""
    if _with_key(connection, image.record.idempotency_key) is None:
        return image
    return replace(image, record=replace(image.record, idempotency_key=None))


def _with_key(connection: sa.Connection, key: str | None) -> Image | None:
    if key is None:
        return None
    row = connection.execute(sa.select(_image).where(_image.c.idempotency_key == key)).one_or_none()
    return None if row is None else _from_row(row)


def _same_upload(earlier: Image, record: Record) -> Image:
    if earlier.record.sha256 != record.sha256:
        raise IdempotencyKeyReused(f"this key came with image {earlier.id}, whose bytes are others")
    return earlier


def _to_row(image: Image) -> dict[str, Any]:
    record, facts = image.record, image.record.facts
    return {
        "id": image.id,
        "name": record.name,
        "media_type": facts.media_type,
        "extension": facts.extension,
        "width": facts.width,
        "height": facts.height,
        "frames": facts.frames,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "received_at_ms": round(record.received_at.timestamp() * 1000),
        "idempotency_key": record.idempotency_key,
        "state": image.state,
        "attempts": image.attempts,
        "failure": None if image.failure is None else asdict(image.failure),
        "recipe_set": image.recipe_set,
        **_placeholder_columns(image.placeholder),
    }


def _placeholder_columns(placeholder: Placeholder | None) -> dict[str, str | None]:
    return {"thumbhash": None, "colour": None} if placeholder is None else asdict(placeholder)


def _from_row(row: sa.Row[Any]) -> Image:
    facts = ImageFacts(row.media_type, row.extension, row.width, row.height, row.frames)
    received_at = datetime.fromtimestamp(row.received_at_ms / 1000, tz=UTC)
    record = Record(row.name, facts, row.bytes, row.sha256, received_at, row.idempotency_key)
    failure = None if row.failure is None else Failure(**row.failure)
    placeholder = None if row.thumbhash is None else Placeholder(row.thumbhash, row.colour)
    is_renewing = row.state == _RENEWING
    return Image(
        id=ImageId(row.id),
        record=record,
        state=State.READY if is_renewing else State(row.state),
        attempts=row.attempts,
        failure=failure,
        placeholder=placeholder,
        recipe_set=row.recipe_set,
        is_renewing=is_renewing,
    )
