"""`ports.catalogue.Index` in SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from vignette.access.names import name_of_earlier, new_name
from vignette.adapters.sql.counter import lock_numbers, pass_number
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import counter_table, image_table, to_row
from vignette.adapters.sql.ticket_uses import recount
from vignette.adapters.sql.usage import forget_all
from vignette.model import Image, ImageId, PublicName

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

    def index(self, image_id: ImageId, read: Callable[[], Image | None]) -> None:
        with self._database.write() as connection:
            pass_number(connection, image_id)
            connection.execute(sa.delete(image_table).where(image_table.c.id == image_id))
            if (image := read()) is None:
                connection.rollback()
                return
            [image] = _told_apart(connection, [image])
            connection.execute(sa.insert(image_table).values(**to_row(image), hinted_at=0))
            recount(connection, _tickets([image]))

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
    forget_all(connection)
    connection.execute(sa.delete(image_table))
    return _insert(connection, images)


def _insert(connection: sa.Connection, images: Iterable[tuple[ImageId, Image | None]]) -> int:
    """Insert *images* and take their numbers, also those without an image; return how many images there were."""
    count, highest = 0, ImageId(-1)
    for batch in _batches(images):
        highest = max(highest, *(image_id for image_id, _ in batch))
        found = [image for _, image in batch if image is not None]
        if found:
            rows = [to_row(image) for image in _told_apart(connection, found)]
            connection.execute(sa.insert(image_table), rows)
            recount(connection, _tickets(found))
            count += len(found)
    pass_number(connection, highest)
    return count


def _tickets(images: Iterable[Image]) -> set[str]:
    return {image.record.ticket for image in images if image.record.ticket is not None}


def _batches(images: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(images)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


def _told_apart(connection: sa.Connection, images: list[Image]) -> Iterator[Image]:
    """
    *images*, each with an idempotency key and a public name of its own: if somebody has copied a folder, the copy has
    no key, and another name. It is the same at each reindexing, unless that is taken too.
    """
    keys = _Taken(connection, image_table.c.idempotency_key, [image.record.idempotency_key for image in images])
    names = _Taken(connection, image_table.c.public_name, [name for image in images for name in _names(image)])
    for image in images:
        record = image.record
        if not keys.take(record.idempotency_key):
            record = replace(record, idempotency_key=None)
        wanted = _names(image)
        if wanted and not names.take(wanted[0]):
            name = wanted[1] if names.take(wanted[1]) else new_name()
            record = replace(record, public_name=name)
        yield image if record is image.record else replace(image, record=record)


def _names(image: Image) -> list[PublicName]:
    """Return the name of *image*, if it has one, and the one that it gets if that is taken."""
    own = image.record.public_name
    return [] if own is None else [own, name_of_earlier(image.id, image.record)]


class _Taken:
    """Those of *values* that stand in *column*, and those that are taken after that."""

    def __init__(self, connection: sa.Connection, column: sa.Column[Any], values: Iterable[str | None]) -> None:
        wanted = {value for value in values if value is not None}
        found = connection.execute(sa.select(column).where(column.in_(wanted))).scalars() if wanted else ()
        self._values = set(found)

    def take(self, value: str | None) -> bool:
        """Take *value*, unless it is None; return False if it is taken already."""
        if value is None:
            return True
        is_free = value not in self._values
        self._values.add(value)
        return is_free
