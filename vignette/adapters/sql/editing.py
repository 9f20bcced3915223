"""`ports.catalogue.Editing` in SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from vignette.adapters.sql.conditions import LIVING
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import image_table, visibility_column
from vignette.errors import ImageNotFound
from vignette.model import ImageId, Visibility

_HERE: Final = sa.and_(image_table.c.id == sa.bindparam("image_id"), LIVING)
_SET: Final = sa.update(image_table).where(_HERE).values(visibility=sa.bindparam("new"))


class SqlEditing:
    def __init__(self, database: Database) -> None:
        self._database = database

    def set_visibility(
        self, image_id: ImageId, visibility: Visibility | None, write_down: Callable[[], object]
    ) -> None:
        new = {"image_id": image_id, "new": visibility_column(visibility)}
        with self._database.write() as connection:
            if connection.execute(_SET, new).rowcount == 0:
                raise ImageNotFound(f"there is no image {image_id}")
            write_down()
