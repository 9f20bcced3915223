"""`ports.catalogue.Editing` in SQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vignette.access.links import end_of_links
from vignette.adapters.sql.conditions import LIVING
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import from_row, image_table, moment_column, visibility_column
from vignette.errors import ImageNotFound
from vignette.model import Edits, Image, ImageId, Visibility

_HERE: Final = sa.and_(image_table.c.id == sa.bindparam("image_id"), LIVING)
# SQLite has no locks of rows; there, the transaction is the only one that writes.
_GET: Final = sa.select(image_table).where(_HERE).with_for_update()
_SET: Final = (
    sa.update(image_table)
    .where(_HERE)
    .values(visibility=sa.bindparam("seen_by"), links_ended_at_ms=sa.bindparam("ended_at_ms"))
)


class SqlEditing:
    def __init__(self, database: Database) -> None:
        self._database = database

    def set_visibility(
        self,
        image_id: ImageId,
        visibility: Visibility | None,
        at: datetime,
        write_down: Callable[[Edits], object],
    ) -> Edits:
        def edited(image: Image) -> Edits:
            is_change = visibility is Visibility.PRIVATE and image.visibility is not Visibility.PRIVATE
            before = image.links_ended_at
            return Edits(visibility, end_of_links(at, before) if is_change else before)

        return self._edit(image_id, edited, write_down)

    def end_links(self, image_id: ImageId, at: datetime, write_down: Callable[[Edits], object]) -> Edits:
        return self._edit(
            image_id, lambda image: Edits(image.visibility, end_of_links(at, image.links_ended_at)), write_down
        )

    def _edit(
        self, image_id: ImageId, edited: Callable[[Image], Edits], write_down: Callable[[Edits], object]
    ) -> Edits:
        here: dict[str, Any] = {"image_id": image_id}
        with self._database.write() as connection:
            row = connection.execute(_GET, here).one_or_none()
            if row is None:
                raise ImageNotFound(f"there is no image {image_id}")
            edits = edited(from_row(row))
            columns = {
                "seen_by": visibility_column(edits.visibility),
                "ended_at_ms": moment_column(edits.links_ended_at),
            }
            connection.execute(_SET, here | columns)
            write_down(edits)
        return edits
