"""`ports.catalogue.Index` in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import sqlalchemy as sa

from vignette.adapters.sql.arrivals import with_key
from vignette.adapters.sql.counter import lock_numbers, pass_number
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import counter_table, image_table, to_row
from vignette.model import Image, ImageId


class SqlIndex:
    """
    Everything happens under the lock of the counter, so that no upload comes in between; and in one transaction, so
    that those who look see the former catalogue until the new one is complete.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def restore(self, images: Iterable[tuple[ImageId, Image | None]]) -> int:
        with self._database.write() as connection:
            return replace_all(connection, images)

    def catch_up(self, images: Iterable[tuple[ImageId, Image | None]]) -> int:
        with self._database.write() as connection:
            following = lock_numbers(connection)
            return _insert(connection, ((number, image) for number, image in images if number >= following))

    def index(self, image: Image) -> None:
        with self._database.write() as connection:
            pass_number(connection, image.id)
            connection.execute(sa.delete(image_table).where(image_table.c.id == image.id))
            connection.execute(sa.insert(image_table).values(**to_row(image), hinted_at=0))

    def next_id(self) -> ImageId:
        with self._database.read() as connection:
            return ImageId(connection.execute(sa.select(counter_table.c.next)).scalar_one())

    def highest(self) -> ImageId | None:
        with self._database.read() as connection:
            number = connection.execute(sa.select(sa.func.max(image_table.c.id))).scalar_one()
            return None if number is None else ImageId(number)


def replace_all(connection: sa.Connection, images: Iterable[tuple[ImageId, Image | None]]) -> int:
    """`Index.restore`, in the transaction of *connection*."""
    lock_numbers(connection)
    connection.execute(sa.delete(image_table))
    return _insert(connection, images)


def _insert(connection: sa.Connection, images: Iterable[tuple[ImageId, Image | None]]) -> int:
    """Insert *images* and take their numbers, also those without an image; return how many images there were."""
    count, highest = 0, ImageId(-1)
    for image_id, image in images:
        highest = max(highest, image_id)
        if image is not None:
            connection.execute(sa.insert(image_table).values(**to_row(_with_a_key_of_its_own(connection, image))))
            count += 1
    pass_number(connection, highest)
    return count


def _with_a_key_of_its_own(connection: sa.Connection, image: Image) -> Image:
    """*image*, without its idempotency key if another has that already: somebody has copied a folder."""
    if with_key(connection, image.record.idempotency_key) is None:
        return image
    return replace(image, record=replace(image.record, idempotency_key=None))
