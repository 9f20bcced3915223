"""Bring the schema up to date, with `migrations`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from vignette.adapters.sql import migrations
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.indexing import replace_all
from vignette.errors import CatalogueUnavailable
from vignette.model import Image, ImageId

# Any number of our own: under it PostgreSQL keeps the lock of those who migrate a catalogue.
_MIGRATION_LOCK: Final = 0x7669676E


def migrate(database: Database, images: Iterable[tuple[ImageId, Image | None]]) -> None:
    """
    Bring the schema up to date; safe with many processes starting at once.

    A catalogue that has to be made anew begins with *images*, in the same transaction: it was lost, perhaps, and no
    upload may be given a number that is taken. *images* is not read otherwise.

    Raises:
        CatalogueUnavailable: It cannot be opened, or was written by a newer Vignette.
    """
    with database.write() as connection:
        database.lock(connection, _MIGRATION_LOCK)
        current = _revision(connection)
        known = migrations.revisions()
        if current == known[-1]:
            return
        if current is not None and current not in known:
            raise CatalogueUnavailable(
                f"the catalogue has version {current!r}, which this Vignette does not know: a newer one wrote it"
            )
        migrations.upgrade(connection)
        if current is None:
            replace_all(connection, images)


def is_new(database: Database) -> bool:
    """Whether the catalogue was never made, or is lost: `migrate` makes it."""
    with database.read() as connection:
        return _revision(connection) is None


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision
