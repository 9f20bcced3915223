"""`ports.catalogue.Editing` in SQL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vignette.access.links import end_of_links
from vignette.adapters.sql.conditions import LIVING
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import Now, edit_table, from_row, image_table, moment_column, visibility_column
from vignette.errors import CatalogueUnavailable, ImageNotFound, StoreFull
from vignette.model import Edits, Image, ImageId, Visibility

_HERE: Final = sa.and_(image_table.c.id == sa.bindparam("image_id"), LIVING)
# SQLite has no locks of rows; there, the transaction is the only one that writes.
_HOLD: Final = sa.select(image_table).where(_HERE).with_for_update()
_SET: Final = (
    sa.update(image_table)
    .where(_HERE)
    .values(visibility=sa.bindparam("seen_by"), links_ended_at_ms=sa.bindparam("ended_at_ms"))
)
_BEGIN: Final = sa.insert(edit_table).values(begun_at=Now()).returning(edit_table.c.number)
_END: Final = sa.delete(edit_table).where(edit_table.c.number == sa.bindparam("begun"))


class SqlEditing:
    """
    A change is two transactions: the first one says that it has begun, the second makes it and takes that back. So a
    change whose file was written and whose commit failed is found again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_visibility(
        self,
        image_id: ImageId,
        visibility: Visibility | None,
        at: datetime,
        write_down: Callable[[Edits], object],
        check: Callable[[Image], object] = lambda _: None,
    ) -> Edits:
        def edited(image: Image) -> Edits:
            check(image)
            is_change = visibility is Visibility.PRIVATE and image.visibility is not Visibility.PRIVATE
            before = image.links_ended_at
            return Edits(visibility, end_of_links(at, before) if is_change else before)

        return self._edit(image_id, edited, write_down)

    def end_links(self, image_id: ImageId, at: datetime, write_down: Callable[[Edits], object]) -> Edits:
        return self._edit(
            image_id, lambda image: Edits(image.visibility, end_of_links(at, image.links_ended_at)), write_down
        )

    def under_way(self, min_age_s: float, limit: int) -> list[ImageId]:
        query = sa.select(edit_table.c.image_id).where(_is_old(min_age_s)).order_by(edit_table.c.number).limit(limit)
        with self._database.read() as connection:
            return [ImageId(number) for number in dict.fromkeys(connection.execute(query).scalars())]

    def settle(self, image_id: ImageId, min_age_s: float, read: Callable[[], Edits]) -> None:
        ended = sa.delete(edit_table).where(edit_table.c.image_id == image_id, _is_old(min_age_s))
        with self._database.write() as connection:
            if connection.execute(_HOLD, {"image_id": image_id}).one_or_none() is not None:
                _set(connection, image_id, read())
            connection.execute(ended)

    def _edit(
        self, image_id: ImageId, edited: Callable[[Image], Edits], write_down: Callable[[Edits], object]
    ) -> Edits:
        begun, is_written = self._begin(image_id), False
        try:
            with self._database.write() as connection:
                row = connection.execute(_HOLD, {"image_id": image_id}).one_or_none()
                if row is None:
                    raise ImageNotFound(f"there is no image {image_id}")
                edits = edited(from_row(row))
                _set(connection, image_id, edits)
                connection.execute(_END, {"begun": begun})
                is_written = True  # in part, perhaps
                write_down(edits)
        finally:
            if not is_written:
                self._forget(begun)
        return edits

    def _begin(self, image_id: ImageId) -> int:
        with self._database.write() as connection:
            number: int = connection.execute(_BEGIN, {"image_id": image_id}).scalar_one()
        return number

    def _forget(self, begun: int) -> None:
        # If that fails, somebody looks at the folder in vain.
        with suppress(CatalogueUnavailable, StoreFull), self._database.write() as connection:
            connection.execute(_END, {"begun": begun})


def _is_old(min_age_s: float) -> sa.ColumnElement[bool]:
    return edit_table.c.begun_at <= Now() - min_age_s


def _set(connection: sa.Connection, image_id: ImageId, edits: Edits) -> None:
    columns: dict[str, Any] = {
        "seen_by": visibility_column(edits.visibility),
        "ended_at_ms": moment_column(edits.links_ended_at),
    }
    connection.execute(_SET, {"image_id": image_id, **columns})
