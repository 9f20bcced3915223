"""`ports.catalogue.Index` in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final, TypeVar

import sqlalchemy as sa

from vignette.adapters.sql.counter import lock_numbers, pass_number
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import counter_table, image_table, to_row
from vignette.model import Image, ImageId

T = TypeVar("T")

# A statement for each image would take ten times as long; more images at once would be no faster.
_BATCH: Final = 500


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
    for batch in _batches(images):
        highest = max(highest, *(image_id for image_id, _ in batch))
        found = [image for _, image in batch if image is not None]
        if found:
            rows = [to_row(image) for image in _with_keys_of_their_own(connection, found)]
            connection.execute(sa.insert(image_table), rows)
            count += len(found)
    pass_number(connection, highest)
    return count


def _batches(images: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(images)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


def _with_keys_of_their_own(connection: sa.Connection, images: list[Image]) -> Iterator[Image]:
    """*images*, each without its idempotency key if another has that already: somebody has copied a folder."""
    keys = {image.record.idempotency_key for image in images} - {None}
    key = image_table.c.idempotency_key
    taken = set(connection.execute(sa.select(key).where(key.in_(keys))).scalars()) if keys else set()
    for image in images:
        if image.record.idempotency_key in taken:
            yield replace(image, record=replace(image.record, idempotency_key=None))
        else:
            yield image
            taken.update({image.record.idempotency_key} - {None})
