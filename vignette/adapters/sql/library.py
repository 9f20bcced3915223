"""`ports.catalogue.Library` in SQL."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa

from vignette.access.policy import Sight
from vignette.adapters.sql import due
from vignette.adapters.sql.conditions import LIVING, OUT_OF_QUARANTINE, SHOWN, numbers_in, stored_as
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.sights import IN_SIGHT, in_sight, seen
from vignette.adapters.sql.tables import from_row, image_table, visibility_column
from vignette.errors import ImageNotFound
from vignette.model import Image, ImageId, PublicName, State
from vignette.ports.catalogue import Sights

# Made once: to make such a statement costs more than to execute it.

# The index `image_of_ticket_by_bytes`.

_NUMBERED: Final = sa.select(image_table).where(LIVING, image_table.c.id.in_(sa.bindparam("refs", expanding=True)))
_CALLED: Final = sa.select(image_table).where(
    LIVING, image_table.c.public_name.in_(sa.bindparam("refs", expanding=True))
)


class _Question:
    """*query*, for whoever sees everything, all that is not in quarantine, or what is in a `Sight`."""

    def __init__(self, query: sa.Select[Any]) -> None:
        self._query = query
        self._out_of_quarantine = query.where(OUT_OF_QUARANTINE)
        self._in_sight = query.where(IN_SIGHT)

    def ask(self, connection: sa.Connection, parameters: dict[str, Any], sight: Sight | None) -> sa.Row[Any] | None:
        if sight is None:
            found = connection.execute(self._query, parameters)
        elif sight.visibilities is None:
            found = connection.execute(self._out_of_quarantine, parameters)
        else:
            found = connection.execute(self._in_sight, parameters | in_sight(sight.owner, sight.visibilities))
        return found.one_or_none()


_BY_NUMBER: Final = _Question(sa.select(image_table).where(image_table.c.id == sa.bindparam("image_id")))
_BY_NAME: Final = _Question(sa.select(image_table).where(image_table.c.public_name == sa.bindparam("name")))


def _columns(sight: Sight | None) -> list[tuple[sa.Column[Any] | None, str]]:
    """The columns by which images in *sight* are found, each with its value."""
    if sight is None or sight.visibilities is None:
        return [(None, "")]
    own = [] if sight.owner is None else [(image_table.c.owner, sight.owner)]
    return [*own, *((image_table.c.visibility, visibility_column(each)) for each in sight.visibilities)]


def _newest(
    limit: int, before: ImageId | None, column: sa.Column[Any] | None, value: str
) -> sa.Select[tuple[Any, ...]]:
    query, number = sa.select(image_table).where(SHOWN).limit(limit), image_table.c.id
    if column is None:
        return query.where(*([] if before is None else [number < before])).order_by(number.desc())
    # In the order of `image_owned` and `image_seen`, and not `column = value`: by the number alone, PostgreSQL may read
    # the images of everybody, if it expects to come across enough of these soon.
    begins = column <= value if before is None else sa.tuple_(column, number) < (value, before)
    return query.where(column >= value, begins).order_by(column.desc(), number.desc())


def _next_newer(limit: int, after: ImageId, column: sa.Column[Any] | None, value: str) -> sa.Select[tuple[Any, ...]]:
    query, number = sa.select(image_table).where(SHOWN).limit(limit), image_table.c.id
    if column is None:
        return query.where(number > after).order_by(number)
    # In the order of `image_owned` and `image_seen`, as in `_newest`.
    begins = sa.tuple_(column, number) > (value, after)
    return query.where(column <= value, begins).order_by(column, number)


def _numbers(limit: int, column: sa.Column[Any] | None, value: str) -> sa.Select[tuple[int]]:
    found = _newest(limit, None, column, value).with_only_columns(image_table.c.id).subquery()
    return sa.select(found.c.id)


class SqlLibrary:
    """Looks take no lock on either database, and never wait for those who write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, image_id: ImageId, sight: Sight | None = None) -> Image:
        return self._one(_BY_NUMBER, {"image_id": image_id}, sight)

    def named(self, name: PublicName, sight: Sight | None = None) -> Image:
        return self._one(_BY_NAME, {"name": name}, sight)

    def living(self, numbers: Collection[ImageId], names: Collection[PublicName], sights: Sights) -> list[Image]:
        asked = [(_NUMBERED, numbers, sights.by_number), (_CALLED, names, sights.by_name)]
        with self._database.read() as connection:
            rows = [
                row
                for query, refs, sight in asked
                if refs
                for row in connection.execute(*seen(query, sight, {"refs": list(refs)}))
            ]
        return [from_row(row) for row in rows]

    def count(self, limit: int, sight: Sight | None = None) -> int:
        # As with `newest`: each has an index, and what two of them have counts once.
        found = [_numbers(limit, column, value) for column, value in _columns(sight)]
        if not found:
            return 0
        with self._database.read() as connection:
            query = sa.select(sa.func.count()).select_from(sa.union(*found).subquery())
            return min(limit, int(connection.execute(query).scalar_one()))

    def newest(self, limit: int, before: ImageId | None = None, sight: Sight | None = None) -> list[Image]:
        # Each has an index in its order. One query for all would read the images that are in none, or sort many.
        queries = [_newest(limit, before, column, value) for column, value in _columns(sight)]
        with self._database.read() as connection:
            rows = {row.id: row for query in queries for row in connection.execute(query)}
        return [from_row(rows[number]) for number in sorted(rows, reverse=True)[:limit]]

    def next_newer(self, limit: int, after: ImageId, sight: Sight | None = None) -> list[Image]:
        queries = [_next_newer(limit, after, column, value) for column, value in _columns(sight)]
        with self._database.read() as connection:
            rows = {row.id: row for query in queries for row in connection.execute(query)}
        return [from_row(rows[number]) for number in sorted(rows)[:limit]]

    def _one(self, question: _Question, ref: dict[str, Any], sight: Sight | None) -> Image:
        with self._database.read() as connection:
            row = question.ask(connection, ref, sight)
        if row is None:
            raise ImageNotFound(f"there is no image {next(iter(ref.values()))}")
        return from_row(row)

    def in_state(self, state: State, limit: int, after: ImageId | None = None) -> list[ImageId]:
        with self._database.read() as connection:
            numbers = connection.execute(numbers_in(stored_as(state), limit, after)).scalars()
            return [ImageId(number) for number in numbers]

    def given_up(self, recipe_set: str, limit: int, after: ImageId | None = None) -> list[ImageId]:
        query = due.failed_again(recipe_set)
        if after is not None:
            query = query.where(sa.tuple_(*query.selected_columns) > (recipe_set, after))
        with self._database.read() as connection:
            return [ImageId(row.id) for row in connection.execute(query.limit(limit))]
