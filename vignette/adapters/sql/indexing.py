"""`ports.catalogue.Index` in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import sqlalchemy as sa

from vignette.adapters.sql.arrivals import with_key
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import counter_table, image_table, to_row
from vignette.model import Image, ImageId


class SqlIndex:
    """See `ports.catalogue.Index`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def restore(self, images: Iterable[tuple[ImageId, Image | None]]) -> int:
        with self._database.write() as connection:
            return replace_all(connection, images)

    def catch_up(self, images: Iterable[tuple[ImageId, Image | None]]) -> int:
        with self._database.write() as connection:
            following = connection.execute(sa.select(counter_table.c.next).with_for_update()).scalar_one()
            return _insert(connection, ((number, image) for number, image in images if number >= following))

    def index(self, image: Image) -> None:
        with self._database.write() as connection:
            following = sa.case((counter_table.c.next <= image.id, image.id + 1), else_=counter_table.c.next)
            connection.execute(sa.update(counter_table).values(next=following))
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
    connection.execute(sa.update(counter_table).values(next=counter_table.c.next))  # the lock that `add` takes
    connection.execute(sa.delete(image_table))
    return _insert(connection, images)


def _insert(connection: sa.Connection, images: Iterable[tuple[ImageId, Image | None]]) -> int:
    """Insert *images* and take their numbers; return how many numbers of images there were."""
    count, following = 0, 0
    for image_id, image in images:
        following = max(following, image_id + 1)
        if image is not None:
            connection.execute(sa.insert(image_table).values(**to_row(_with_a_key_of_its_own(connection, image))))
            count += 1
    connection.execute(sa.update(counter_table).where(counter_table.c.next < following).values(next=following))
    return count


def _with_a_key_of_its_own(connection: sa.Connection, image: Image) -> Image:
    """*image*, without its idempotency key if another has that already: somebody has copied a folder."""
    if with_key(connection, image.record.idempotency_key) is None:
        return image
    return replace(image, record=replace(image.record, idempotency_key=None))
