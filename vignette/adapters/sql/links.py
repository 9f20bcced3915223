"""`ports.links` in SQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from vignette.access.links import Link, Place, Representation, kept_of
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.tables import link_table, milliseconds, words_column, words_of
from vignette.errors import TooManyLinks
from vignette.model import PublicName

# Any number of our own: under it PostgreSQL keeps the lock of those who act alone.
_LOCK: Final = 0x766C6C6B

_S: Final = 1000

_IS_OF: Final = sa.select(link_table.c.id).where(
    link_table.c.id == sa.bindparam("link_id"), link_table.c.image == sa.bindparam("image")
)
_OF_IMAGE: Final = (
    sa.select(link_table)
    .where(link_table.c.image == sa.bindparam("image"), link_table.c.expires_at_ms > sa.bindparam("now_ms"))
    .order_by(link_table.c.made_at_ms.desc(), link_table.c.id)
)


class SqlLinks:
    """Both ports of `ports.links`. Whoever rebuilds the index leaves the table of links as it is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, link: Link, now: datetime, *, at_most: int) -> None:
        of_image = sa.select(sa.func.count()).select_from(link_table).where(link_table.c.image == link.image)
        with self._database.write() as connection:
            connection.execute(sa.delete(link_table).where(link_table.c.expires_at_ms <= milliseconds(now)))
            count = connection.execute(of_image).scalar_one()
            if count >= at_most:
                raise TooManyLinks(f"the image has {count} links that can be revoked", measured=count, limit=at_most)
            connection.execute(sa.insert(link_table), _to_row(link))

    def is_of(self, link_id: str, image: PublicName) -> bool:
        with self._database.read() as connection:
            return connection.execute(_IS_OF, {"link_id": link_id, "image": image}).first() is not None

    def of_image(self, image: PublicName, now: datetime) -> list[Link]:
        with self._database.read() as connection:
            found = connection.execute(_OF_IMAGE, {"image": image, "now_ms": milliseconds(now)})
            return [_from_row(row) for row in found]

    def remove(self, link_id: str, image: PublicName) -> bool:
        own = sa.and_(link_table.c.id == link_id, link_table.c.image == image)
        with self._database.write() as connection:
            return connection.execute(sa.delete(link_table).where(own)).rowcount > 0

    def remove_all(self, image: PublicName) -> None:
        with self._database.write() as connection:
            connection.execute(sa.delete(link_table).where(link_table.c.image == image))

    def alone(self, act: Callable[[], None]) -> None:
        with self._database.write() as connection:
            self._database.lock(connection, _LOCK)
            act()


def _to_row(link: Link) -> dict[str, Any]:
    return {
        "id": link.id,
        "image": link.image,
        "what": link.what,
        "size": link.size,
        "place": link.place,
        "keep": words_column(link.keep),
        "made_by": link.by or None,
        "made_at_ms": link.made * _S,
        "expires_at_ms": link.expires * _S,
    }


def _from_row(row: sa.Row[Any]) -> Link:
    return Link(
        what=Representation(row.what),
        image=PublicName(row.image),
        key="",
        made=row.made_at_ms // _S,
        expires=row.expires_at_ms // _S,
        place=Place(row.place),
        size=row.size,
        keep=kept_of(words_of(row.keep)),
        id=row.id,
        by=row.made_by or "",
    )
