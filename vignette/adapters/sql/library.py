"""`ports.catalogue.Library` in SQL."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from vignette.adapters.sql import due
from vignette.adapters.sql.conditions import LIVING, numbers_in, stored_as
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import from_row, image_table
from vignette.errors import ImageNotFound
from vignette.model import Image, ImageId, State

_GET: Final = sa.select(image_table).where(image_table.c.id == sa.bindparam("image_id"))


class SqlLibrary:
    """Looks take no lock on either database, and never wait for those who write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, image_id: ImageId) -> Image:
        with self._database.read() as connection:
            row = connection.execute(_GET, {"image_id": image_id}).one_or_none()
        if row is None:
            raise ImageNotFound(f"there is no image {image_id}")
        return from_row(row)

    def newest(self, limit: int, before: ImageId | None = None, owner: str | None = None) -> list[Image]:
        query = sa.select(image_table).where(LIVING).limit(limit)
        if owner is None:
            query = query.order_by(image_table.c.id.desc())
        else:
            # In the order of `image_owned`: by the number alone, a database may read the images of everybody.
            query = query.where(image_table.c.owner == owner)
            query = query.order_by(image_table.c.owner.desc(), image_table.c.id.desc())
        if before is not None:
            query = query.where(image_table.c.id < before)
        with self._database.read() as connection:
            return [from_row(row) for row in connection.execute(query)]

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
