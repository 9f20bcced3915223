"""`ports.tickets.TicketImages` in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from vignette.adapters.sql.conditions import SHOWN
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import from_row, image_table
from vignette.model import Image, ImageId, State

_SENT: Final = (
    sa.select(image_table)
    .where(
        image_table.c.ticket == sa.bindparam("ticket"),
        image_table.c.sha256 >= sa.bindparam("first"),
        image_table.c.sha256 < sa.bindparam("last"),
        image_table.c.state != State.DELETING.value,
    )
    .order_by(image_table.c.ticket, image_table.c.sha256)
    .limit(1)
)


class SqlTicketImages:
    """Looks take no lock on either database, and never wait for those who write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_ticket(self, ticket_id: str, limit: int, before: ImageId | None = None) -> list[Image]:
        came_by = image_table.c.ticket
        # In the order of `image_of_ticket`; see `_newest`.
        begins = came_by <= ticket_id if before is None else sa.tuple_(came_by, image_table.c.id) < (ticket_id, before)
        query = sa.select(image_table).where(came_by >= ticket_id, begins, SHOWN).limit(limit)
        with self._database.read() as connection:
            return list(map(from_row, connection.execute(query.order_by(came_by.desc(), image_table.c.id.desc()))))

    def sent_by(self, ticket_id: str, beginnings: Iterable[str]) -> list[Image]:
        with self._database.read() as connection:
            found = [
                connection.execute(_SENT, {"ticket": ticket_id, "first": first, "last": f"{first}g"}).first()
                for first in beginnings
            ]
        return [from_row(row) for row in found if row is not None]
