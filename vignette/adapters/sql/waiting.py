"""`ports.catalogue.Waiting` in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import sqlalchemy as sa

from vignette.adapters.sql import due
from vignette.adapters.sql.conditions import (
    LEASED,
    QUEUED,
    READY,
    UNFINISHED_STATES,
    count_in,
    ordered,
    unclaimed,
)
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import COMPLETING, NEEDS, RENEWING, Now, anew, image_table
from vignette.model import ImageId, Need, State
from vignette.ports.catalogue import Due

# One query for each: the indexes have an order within a state only. The most urgent comes first.
_EACH_UNFINISHED_STATE: Final = [image_table.c.state == state for state in UNFINISHED_STATES]
# `lease_until` stays: the worker may still write to the folder.
_RENEW_EVEN_COMPLETING: Final = (
    sa.update(image_table)
    .where(image_table.c.id == sa.bindparam("image_id"), image_table.c.state == COMPLETING)
    .values(state=RENEWING, attempts=0, failure=None, hinted_at=Now())
)


class SqlWaiting:
    """
    The sweep looks every two seconds, and mostly finds nothing: it must neither read the whole backlog nor keep uploads
    waiting. So it looks without a lock, by indexes, and locks only the few rows that it has found.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def reset(self, image_id: ImageId, *, only_rest: bool = False, even_completing: bool = False) -> None:
        ready = COMPLETING if only_rest else RENEWING
        reset = (
            sa.update(image_table)
            .where(image_table.c.id == image_id, image_table.c.state.in_([State.READY, State.FAILED]))
            .values(state=sa.case((image_table.c.state == State.READY, ready), else_=State.PENDING.value), **anew())
        )
        with self._database.write() as connection:
            connection.execute(reset)
            if even_completing:
                connection.execute(_RENEW_EVEN_COMPLETING, {"image_id": image_id})

    def renew(self, recipe_set: str, limit: int) -> list[ImageId]:
        is_due = sa.and_(READY, image_table.c.recipe_set != recipe_set)
        # Two ranges of the index, where `!=` would read all of it.
        ranges = (image_table.c.recipe_set < recipe_set, image_table.c.recipe_set > recipe_set)
        queries = [ordered(sa.and_(READY, by_others), image_table.c.recipe_set) for by_others in ranges]
        return list(self._hand_out(queries, limit, is_due, {"state": RENEWING, **anew()}))

    def due(self, recipe_set: str | None, limit: int, after: Due | None = None) -> list[Due]:
        with self._database.read() as connection:
            return due.page(connection, recipe_set, limit, after)

    def count_due(self, recipe_set: str | None, at_most: int) -> int:
        with self._database.read() as connection:
            return connection.execute(due.count(recipe_set, at_most)).scalar_one()

    def forgotten(self, min_age_s: float, limit: int) -> dict[ImageId, Need]:
        is_due = sa.and_(QUEUED, image_table.c.hinted_at < Now() - min_age_s)
        queries = [ordered(sa.and_(is_due, state), image_table.c.hinted_at) for state in _EACH_UNFINISHED_STATE]
        return self._hand_out(queries, limit, is_due, {"hinted_at": Now()})

    def interrupted(self, limit: int) -> dict[ImageId, Need]:
        is_due = sa.and_(LEASED, image_table.c.lease_until < Now())
        queries = [ordered(sa.and_(is_due, state), image_table.c.lease_until) for state in _EACH_UNFINISHED_STATE]
        return self._hand_out(queries, limit, is_due, {"hinted_at": Now()})

    def _hand_out(
        self,
        queries: Iterable[sa.Select[int]],
        limit: int,
        is_due: sa.ColumnElement[bool],
        values: Mapping[str, object],
    ) -> dict[ImageId, Need]:
        """
        Find at most *limit* images by *queries*, those of the first one first, and set *values* of all still due.
        Return their numbers in order, and what they need then.

        To look takes no lock. Others may have found the same images: what they have taken is not due any more, and what
        they are just taking is skipped.
        """
        found: list[int] = []
        with self._database.read() as connection:
            for query in queries:
                found += connection.execute(query.limit(limit - len(found))).scalars()
        if not found:
            return {}
        # In a CASE no database looks for an index: by their numbers these few rows are found soonest.
        still_due = sa.case((is_due, 1), else_=0) == 1
        taken = sa.select(image_table.c.id).where(image_table.c.id.in_(found), still_due)
        hand_out = (
            sa.update(image_table)
            .where(image_table.c.id.in_(taken.with_for_update(skip_locked=True)))
            .values(**values)
            .returning(image_table.c.id, image_table.c.state)
        )
        with self._database.write() as connection:
            return {ImageId(row.id): NEEDS[row.state] for row in sorted(connection.execute(hand_out))}

    def unfinished(self, at_most: int | None = None) -> int:
        with self._database.read() as connection:
            return connection.execute(count_in(UNFINISHED_STATES, at_most)).scalar_one()

    def unclaimed(self, at_most: int | None = None) -> int:
        with self._database.read() as connection:
            return connection.execute(unclaimed(UNFINISHED_STATES, at_most)).scalar_one()
