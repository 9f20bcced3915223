"""`ports.catalogue.Quarantine` in SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from vignette.adapters.sql.conditions import LIVING, QUARANTINED
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import from_row, image_table, quarantine_column
from vignette.errors import ImageNotFound, ImageNotQuarantined
from vignette.model import Image, ImageId, State, Suspicion

_THIS: Final = image_table.c.id == sa.bindparam("image_id")
_SHUT_AWAY: Final = sa.update(image_table).where(_THIS, LIVING).values(quarantine=sa.bindparam("suspicion"))
_LET_OUT: Final = sa.update(image_table).where(_THIS, QUARANTINED).values(quarantine=None)
_BEGIN_DELETE: Final = sa.update(image_table).where(_THIS, QUARANTINED).values(state=State.DELETING)


class SqlQuarantine:
    """Each change is one conditional UPDATE: of all who try it at once, the database lets one change the row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, limit: int, before: ImageId | None = None) -> list[Image]:
        query = sa.select(image_table).where(QUARANTINED).order_by(image_table.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(image_table.c.id < before)
        with self._database.read() as connection:
            return [from_row(row) for row in connection.execute(query)]

    def shut_away(self, image_id: ImageId, suspicion: Suspicion, write_down: Callable[[], object]) -> None:
        new = {"image_id": image_id, "suspicion": quarantine_column(suspicion)}
        with self._database.write() as connection:
            if connection.execute(_SHUT_AWAY, new).rowcount == 0:
                raise ImageNotFound(f"there is no image {image_id}")
            write_down()

    def let_out(self, image_id: ImageId, write_down: Callable[[], object]) -> None:
        with self._database.write() as connection:
            if connection.execute(_LET_OUT, {"image_id": image_id}).rowcount == 0:
                raise _not_there(image_id)
            write_down()

    def begin_delete(self, image_id: ImageId) -> None:
        with self._database.write() as connection:
            if connection.execute(_BEGIN_DELETE, {"image_id": image_id}).rowcount == 0:
                raise _not_there(image_id)


def _not_there(image_id: ImageId) -> ImageNotQuarantined:
    return ImageNotQuarantined(f"image {image_id} is not in quarantine: it was decided, or nothing was to be decided")
