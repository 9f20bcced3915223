"""`ports.catalogue.SameBytes` in SQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from vignette.access.policy import Sight
from vignette.adapters.sql.conditions import SHOWN
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.sights import seen
from vignette.adapters.sql.tables import from_row, image_table, visibility_column
from vignette.model import Image, Visibility

_DIGITS: Final = 16

_ALL: Final = (*Visibility, None)

_NUMBERED: Final = sa.select(image_table).where(image_table.c.id.in_(sa.bindparam("ids", expanding=True)), SHOWN)

# A list in one parameter: a statement with many is made anew for each number of them, and that takes most of the time.
_LIST_ON_SQLITE: Final = (
    "SELECT json_extract(value, '$[0]') AS begins, json_extract(value, '$[1]') AS digest FROM json_each(:wanted)"
)
_LIST_ON_POSTGRESQL: Final = (
    "SELECT value ->> 0 AS begins, value ->> 1 AS digest FROM json_array_elements(CAST(:wanted AS json))"
)


@dataclass(frozen=True, slots=True)
class _Queries:
    """The lowest number for each digest that is `wanted`: with who sees the image, or with whose it is."""

    seen: sa.Select[Any]
    owned: sa.Select[Any]


def _queries(wanted: str) -> _Queries:
    # As the indexes `image_bytes_seen` and `image_bytes_owned` have it (migration 0019).
    seen = _first(wanted, "visibility", "sha256 <> ''")
    return _Queries(seen, _first(wanted, "owner", "sha256 <> '' AND owner IS NOT NULL"))


def _first(list_of_wanted: str, by: str, known: str) -> sa.Select[Any]:
    begins: sa.ColumnElement[str] = sa.literal_column(f"substr(image.sha256, 1, {_DIGITS}) || {by}", sa.Text)
    wanted = sa.text(list_of_wanted).columns(begins=sa.Text, digest=sa.Text).cte("wanted")
    # In the order of the index, and not `begins = …`: by the number alone, PostgreSQL may read the images of everybody,
    # if it expects to come across one of these soon.
    number = (
        sa.select(image_table.c.id)
        .where(begins >= wanted.c.begins, begins <= wanted.c.begins, image_table.c.sha256 == wanted.c.digest)
        .where(sa.text(known), SHOWN)
        .order_by(begins, image_table.c.id)
        .limit(1)
        .scalar_subquery()
    )
    return sa.select(number).select_from(wanted)


# Made once: to make such a statement costs more than to execute it.
_ON_SQLITE: Final = _queries(_LIST_ON_SQLITE)
_ON_POSTGRESQL: Final = _queries(_LIST_ON_POSTGRESQL)


class SqlSameBytes:
    """Looks take no lock on either database, and never wait for those who write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def first_of_each(self, digests: Sequence[str], sight: Sight | None = None) -> list[Image]:
        queries = _ON_SQLITE if self._database.is_sqlite else _ON_POSTGRESQL
        visibilities, owner = (
            (_ALL, None) if sight is None or sight.visibilities is None else (sight.visibilities, sight.owner)
        )
        asked = [(queries.seen, list(map(visibility_column, visibilities)))]
        if owner is not None:
            asked.append((queries.owned, [owner]))
        query, values = seen(_NUMBERED, sight, {})
        with self._database.read() as connection:
            numbers = {
                number
                for question, by in asked
                for number in connection.execute(question, {"wanted": _list(digests, by)}).scalars()
                if number is not None
            }
            rows = connection.execute(query, {**values, "ids": list(numbers)}).all() if numbers else []
        first: dict[str, Image] = {}
        for image in sorted(map(from_row, rows), key=lambda image: image.id):
            first.setdefault(image.record.sha256, image)
        return [first[digest] for digest in dict.fromkeys(digests) if digest in first]


def _list(digests: Sequence[str], by: Sequence[str]) -> str:
    return json.dumps([(digest[:_DIGITS] + one, digest) for digest in digests for one in by])
