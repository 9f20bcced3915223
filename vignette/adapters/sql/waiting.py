"""`ports.catalogue.Waiting` in SQL."""

from __future__ import annotations

import sqlalchemy as sa

from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import RENEWING, UNFINISHED, Now, anew, image_table, is_free, is_in
from vignette.model import ImageId, State


class SqlWaiting:
    """See `ports.catalogue.Waiting`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reset(self, image_id: ImageId) -> None:
        reset = (
            sa.update(image_table)
            .where(image_table.c.id == image_id, image_table.c.state.in_([State.READY, State.FAILED]))
            .values(state=sa.case((image_table.c.state == State.READY, RENEWING), else_=State.PENDING.value), **anew())
        )
        with self._database.write() as connection:
            connection.execute(reset)

    def renew(self, recipe_set: str, limit: int) -> list[ImageId]:
        is_ready = image_table.c.state == State.READY
        found: list[int] = []
        # Most of the time there are none: that takes no lock. Two ranges of the index, where `!=` would be all of it.
        with self._database.read() as connection:
            for by_others in (image_table.c.recipe_set < recipe_set, image_table.c.recipe_set > recipe_set):
                query = sa.select(image_table.c.id).where(is_ready, by_others).limit(limit - len(found))
                found += connection.execute(query).scalars()
        if not found:
            return []
        renew = (
            sa.update(image_table)
            .where(image_table.c.id.in_(found), is_ready, image_table.c.recipe_set != recipe_set)
            .values(state=RENEWING, **anew())
            .returning(image_table.c.id)
        )
        with self._database.write() as connection:
            return sorted(ImageId(number) for number in connection.execute(renew).scalars())

    def rendered(self, except_by: str | None = None) -> list[ImageId]:
        query = sa.select(image_table.c.id).where(is_in(State.READY))
        if except_by is not None:
            query = query.where(sa.or_(image_table.c.recipe_set != except_by, image_table.c.failure.is_not(None)))
        with self._database.read() as connection:
            return [ImageId(number) for number in connection.execute(query.order_by(image_table.c.id)).scalars()]

    def forgotten(self, min_age_s: float, limit: int) -> list[ImageId]:
        return self._hand_out(sa.and_(UNFINISHED, is_free(), image_table.c.hinted_at < Now() - min_age_s), limit)

    def interrupted(self, limit: int) -> list[ImageId]:
        not_handed_out_since = image_table.c.hinted_at < image_table.c.lease_until
        return self._hand_out(sa.and_(UNFINISHED, image_table.c.lease_until < Now(), not_handed_out_since), limit)

    def _hand_out(self, condition: sa.ColumnElement[bool], limit: int) -> list[ImageId]:
        # Who has no vignette yet comes before those that would have others.
        order = (image_table.c.state == RENEWING, image_table.c.id)
        chosen = sa.select(image_table.c.id).where(condition).order_by(*order).limit(limit)
        if not self._database.is_sqlite:
            chosen = chosen.with_for_update(skip_locked=True)
        hand_out = (
            sa.update(image_table)
            .where(image_table.c.id.in_(chosen))
            .values(hinted_at=Now())
            .returning(image_table.c.id)
        )
        with self._database.write() as connection:
            return sorted(ImageId(row.id) for row in connection.execute(hand_out))

    def unfinished(self) -> int:
        with self._database.read() as connection:
            return connection.execute(
                sa.select(sa.func.count()).select_from(image_table).where(UNFINISHED)
            ).scalar_one()

    def unclaimed(self) -> int:
        unclaimed = sa.select(sa.func.count()).select_from(image_table).where(UNFINISHED, is_free())
        with self._database.read() as connection:
            return connection.execute(unclaimed).scalar_one()
