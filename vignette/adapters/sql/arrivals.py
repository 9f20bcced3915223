"""`ports.catalogue.Arrivals` in SQL."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import Now, counter_table, from_row, image_table, to_row
from vignette.errors import IdempotencyKeyReused
from vignette.model import Image, ImageId, Record, State


class SqlArrivals:
    """See `ports.catalogue.Arrivals`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: Record, promote: Callable[[ImageId], None]) -> tuple[Image, bool]:
        with self._database.write() as connection:
            # First of all: the counter's row is the lock under which keys are compared and numbers given.
            taken = sa.update(counter_table).values(next=counter_table.c.next + 1).returning(counter_table.c.next)
            image_id = ImageId(connection.execute(taken).scalar_one() - 1)
            earlier = with_key(connection, record.idempotency_key)
            if earlier is not None:
                connection.rollback()
                return _same_upload(earlier, record), False
            promote(image_id)
            image = Image(image_id, record, State.PENDING)
            connection.execute(sa.insert(image_table).values(**to_row(image), hinted_at=Now()))
        return image, True


def with_key(connection: sa.Connection, key: str | None) -> Image | None:
    if key is None:
        return None
    row = connection.execute(sa.select(image_table).where(image_table.c.idempotency_key == key)).one_or_none()
    return None if row is None else from_row(row)


def _same_upload(earlier: Image, record: Record) -> Image:
    if earlier.record.sha256 != record.sha256:
        raise IdempotencyKeyReused(f"this key came with image {earlier.id}, whose bytes are others")
    return earlier
