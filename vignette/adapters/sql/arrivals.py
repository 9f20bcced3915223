"""`ports.catalogue.Arrivals` in SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final

import sqlalchemy as sa

from vignette.access.keys import Key
from vignette.adapters.sql.counter import lock_numbers, take_number
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.key_rows import find_key
from vignette.adapters.sql.tables import Now, from_row, image_table, to_row
from vignette.adapters.sql.ticket_uses import spend
from vignette.adapters.sql.usage import require_room
from vignette.errors import CatalogueUnavailable, IdempotencyKeyReused, StoreFull
from vignette.model import Image, ImageId, Record, State, Suspicion, Visibility

# Made once: to make such a statement costs more than to execute it.
_INSERT: Final = sa.insert(image_table).values(hinted_at=Now())
_WITH_KEY: Final = sa.select(image_table).where(image_table.c.idempotency_key == sa.bindparam("key"))
# The index `image_of_ticket_by_bytes`. A deleted image has no digest any more.
_SAME_BY_TICKET: Final = (
    sa.select(image_table)
    .where(
        image_table.c.ticket == sa.bindparam("ticket"),
        image_table.c.sha256 == sa.bindparam("sha256"),
        image_table.c.state != State.DELETING.value,
    )
    .order_by(image_table.c.ticket, image_table.c.sha256)
    .limit(1)
)


class SqlArrivals:
    """
    An upload is one transaction, which begins with the lock of the counter.

    The row is inserted before the folder is promoted: then of all that the database may refuse only the commit is left.
    Both databases give up the lock when a commit fails, before we hear of it. So the folder is withdrawn under a new
    lock, if its number is still free: another upload may have found the folder meanwhile, and indexed it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        record: Record,
        promote: Callable[[ImageId], None],
        withdraw: Callable[[], None],
        visibility: Visibility | None = None,
        quarantine: Suspicion | None = None,
        *,
        metadata_bytes: int = 0,
        admit: Callable[[Key | None], object] = lambda _: None,
    ) -> tuple[Image, bool]:
        promoted: ImageId | None = None
        try:
            with self._database.write() as connection:
                number = take_number(connection)
                if record.owner is not None:
                    admit(find_key(connection, record.owner))
                image = Image(
                    number,
                    record,
                    State.PENDING,
                    visibility=visibility,
                    quarantine=quarantine,
                    metadata_bytes=metadata_bytes,
                )
                earlier = _earlier(connection, record)
                if earlier is not None:
                    connection.rollback()
                    return _same_upload(earlier, record), False
                if record.ticket is not None:
                    spend(connection, record.ticket, record.received_at)
                require_room(connection, record, metadata_bytes)
                connection.execute(_INSERT, to_row(image))
                _promote(connection, image.id, promote, withdraw)
                promoted = image.id
        except (CatalogueUnavailable, StoreFull):
            if promoted is not None:
                self._withdraw_if_free(promoted, withdraw)
            raise
        return image, True

    def sent_before(self, record: Record) -> Image | None:
        if record.idempotency_key is None and record.ticket is None:
            return None
        with self._database.read() as connection:
            earlier = _earlier(connection, record)
        return None if earlier is None else _same_upload(earlier, record)

    def has_any(self, idempotency_keys: Collection[str]) -> bool:
        with self._database.read() as connection:
            query = sa.select(image_table.c.id).where(image_table.c.idempotency_key.in_(idempotency_keys)).limit(1)
            return connection.execute(query).first() is not None

    def _withdraw_if_free(self, image_id: ImageId, withdraw: Callable[[], None]) -> None:
        with suppress(CatalogueUnavailable, StoreFull), self._database.write() as connection:
            if lock_numbers(connection) <= image_id:
                withdraw()


def _promote(
    connection: sa.Connection, image_id: ImageId, promote: Callable[[ImageId], None], withdraw: Callable[[], None]
) -> None:
    try:
        promote(image_id)
    except BaseException:
        lock_numbers(connection)  # Raises if the connection broke meanwhile: the lock went with it.
        withdraw()
        raise


def with_key(connection: sa.Connection, key: str | None) -> Image | None:
    """The image that came with the idempotency *key*, if any."""
    if key is None:
        return None
    row = connection.execute(_WITH_KEY, {"key": key}).one_or_none()
    return None if row is None else from_row(row)


def _earlier(connection: sa.Connection, record: Record) -> Image | None:
    """The image that was sent by the same upload before, if any."""
    return with_key(connection, record.idempotency_key) or _same_by_ticket(connection, record)


def _same_by_ticket(connection: sa.Connection, record: Record) -> Image | None:
    """The image with the same bytes that came by the same ticket, if *record* has no key that tells it from others."""
    if record.ticket is None or record.idempotency_key is not None:
        return None
    row = connection.execute(_SAME_BY_TICKET, {"ticket": record.ticket, "sha256": record.sha256}).first()
    return None if row is None else from_row(row)


def _same_upload(earlier: Image, record: Record) -> Image:
    # Nobody knows any more which bytes a deleted image had.
    if not earlier.state.is_gone and earlier.record.sha256 != record.sha256:
        raise IdempotencyKeyReused("other bytes came with this key before")
    return earlier
