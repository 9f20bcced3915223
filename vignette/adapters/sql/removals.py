"""`ports.catalogue.Removals` in SQL."""

from __future__ import annotations

import sqlalchemy as sa

from vignette.adapters.sql.conditions import is_free
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import forgotten, image_table
from vignette.model import ImageId, State


class SqlRemovals:
    """Each step is one conditional UPDATE: of all who try it at once, the database lets one change the row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin_delete(self, image_id: ImageId) -> bool:
        begin = (
            sa.update(image_table)
            .where(image_table.c.id == image_id, image_table.c.state.not_in([State.DELETING, State.DELETED]))
            .values(state=State.DELETING)
        )
        with self._database.write() as connection:
            return connection.execute(begin).rowcount == 1

    def end_delete(self, image_id: ImageId) -> None:
        with self._database.write() as connection:
            connection.execute(
                sa.update(image_table)
                .where(image_table.c.id == image_id, image_table.c.state == State.DELETING, is_free())
                .values(state=State.DELETED, **forgotten())
            )

    def clear_traces(self) -> None:
        self._database.empty_log()
