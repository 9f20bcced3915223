"""`ports.catalogue.Alike` in SQL."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from vignette.access.policy import Sight
from vignette.adapters.sql.conditions import SHOWN
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.distances import distances
from vignette.adapters.sql.sights import seen
from vignette.adapters.sql.tables import from_row, image_table
from vignette.model import Image

_LOOKED_UP_AT_ONCE: Final = 100


class SqlAlike:
    """Looks take no lock on either database, and never wait for those who write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def like(self, image: Image, most: int, limit: int, sight: Sight | None = None) -> list[tuple[Image, int]]:
        if image.placeholder is None or image.placeholder.pdq is None:
            return []
        nearby = sa.select(image_table).where(image_table.c.id.in_(sa.bindparam("ids", expanding=True)), SHOWN)
        query, values = seen(nearby, sight, {})
        with self._database.read() as connection:
            found = distances(connection, image.placeholder.pdq, most)
            found.pop(image.id, None)
            nearest = sorted(found, key=lambda number: (found[number], -number))
            alike: list[tuple[Image, int]] = []
            for start in range(0, len(nearest), _LOOKED_UP_AT_ONCE):
                ids = nearest[start : start + _LOOKED_UP_AT_ONCE]
                rows = {row.id: row for row in connection.execute(query, {**values, "ids": ids})}
                alike += [(from_row(rows[number]), found[number]) for number in ids if number in rows]
                if len(alike) >= limit:
                    break
        return alike[:limit]
