"""`ports.catalogue.Removals` in SQL."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from vignette.adapters.sql.conditions import LIVING, is_free
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import forgotten, image_table, link_table
from vignette.model import ImageId, State


class SqlRemovals:
    """Each step is one conditional UPDATE: of all who try it at once, the database lets one change the row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unless_gone(self, image_id: ImageId, act: Callable[[], object]) -> bool:
        # SQLite has no locks of rows; there, the transaction is the only one that writes.
        hold = sa.select(image_table.c.id).where(image_table.c.id == image_id, LIVING).with_for_update()
        with self._database.write() as connection:
            if connection.execute(hold).one_or_none() is None:
                return False
            act()
        return True

    def begin_delete(self, image_id: ImageId, beside: Callable[[], object] = int) -> bool:
        begin = (
            sa.update(image_table)
            .where(image_table.c.id == image_id, image_table.c.state.not_in([State.DELETING, State.DELETED]))
            .values(state=State.DELETING)
        )
        with self._database.write() as connection:
            if connection.execute(begin).rowcount == 0:
                return False
            beside()
        return True

    def end_delete(self, image_id: ImageId) -> None:
        deleting = sa.and_(image_table.c.id == image_id, image_table.c.state == State.DELETING)
        name = sa.select(image_table.c.public_name).where(deleting).scalar_subquery()
        with self._database.write() as connection:
            connection.execute(sa.delete(link_table).where(link_table.c.image == name))
            connection.execute(
                sa.update(image_table).where(deleting, is_free()).values(state=State.DELETED, **forgotten())
            )

    def clear_traces(self) -> None:
        self._database.empty_log()
