"""`ports.catalogue.Library` in SQL."""

from __future__ import annotations

import sqlalchemy as sa

from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import from_row, image_table, is_in
from vignette.errors import ImageNotFound
from vignette.model import Image, ImageId, State


class SqlLibrary:
    """See `ports.catalogue.Library`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, image_id: ImageId) -> Image:
        with self._database.read() as connection:
            row = connection.execute(sa.select(image_table).where(image_table.c.id == image_id)).one_or_none()
        if row is None:
            raise ImageNotFound(f"there is no image {image_id}")
        return from_row(row)

    def newest(self, limit: int, before: ImageId | None = None) -> list[Image]:
        query = sa.select(image_table).where(image_table.c.state.not_in([State.DELETING, State.DELETED]))
        if before is not None:
            query = query.where(image_table.c.id < before)
        with self._database.read() as connection:
            return [from_row(row) for row in connection.execute(query.order_by(image_table.c.id.desc()).limit(limit))]

    def in_state(self, state: State, limit: int, after: ImageId | None = None) -> list[ImageId]:
        query = sa.select(image_table.c.id).where(is_in(state))
        if after is not None:
            query = query.where(image_table.c.id > after)
        with self._database.read() as connection:
            return [
                ImageId(number)
                for number in connection.execute(query.order_by(image_table.c.id).limit(limit)).scalars()
            ]
