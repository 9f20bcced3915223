"""`ports.catalogue.Editing` in SQL."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from vignette.adapters.sql.conditions import LIVING
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import image_table, visibility_column
from vignette.errors import ImageNotFound
from vignette.model import ImageId, Visibility

_HERE: Final = sa.and_(image_table.c.id == sa.bindparam("image_id"), LIVING)
_LOOK: Final = sa.select(image_table.c.visibility).where(_HERE).with_for_update()
_SET: Final = sa.update(image_table).where(_HERE).values(visibility=sa.bindparam("new"))


class SqlEditing:
    def __init__(self, database: Database) -> None:
        self._database = database

    def set_visibility(self, image_id: ImageId, visibility: Visibility | None) -> Visibility | None:
        with self._database.write() as connection:
            former = connection.execute(_LOOK, {"image_id": image_id}).scalar_one_or_none()
            if former is None:
                raise ImageNotFound(f"there is no image {image_id}")
            connection.execute(_SET, {"image_id": image_id, "new": visibility_column(visibility)})
        return Visibility(former) if former else None
