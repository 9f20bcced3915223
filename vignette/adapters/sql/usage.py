"""What a key has here, and its quota, in the transaction of a connection. Triggers count (migration 0014)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from vignette.access.quotas import Quota, Usage, day_of, why_no_room
from vignette.adapters.sql.tables import key_table, usage_table
from vignette.model import Record

# Made once: to make such a statement costs more than to execute it, and each upload with a key executes this one.
_STANDING: Final = (
    sa.select(
        key_table.c.quota_images,
        key_table.c.quota_bytes,
        key_table.c.quota_images_per_day,
        usage_table.c.images,
        usage_table.c.bytes,
        usage_table.c.day,
        usage_table.c.day_images,
    )
    .select_from(key_table.outerjoin(usage_table, usage_table.c.owner == key_table.c.id))
    .where(key_table.c.id == sa.bindparam("owner"))
)


def standing_of(connection: sa.Connection, owner: str, now: datetime) -> tuple[Quota, Usage]:
    """Return the quota of the key *owner*, and what it has; a key that was removed has neither."""
    row = connection.execute(_STANDING, {"owner": owner}).one_or_none()
    if row is None:
        return Quota(), Usage()
    today = row.day_images if row.day == day_of(now) else 0
    quota = Quota(row.quota_images, row.quota_bytes, row.quota_images_per_day)
    return quota, Usage(row.images or 0, row.bytes or 0, today)


def require_room(connection: sa.Connection, record: Record, metadata_bytes: int) -> None:
    """
    Refuse an image that takes its owner over the quota. Call it under the lock of the counter: then no other image of
    the owner comes in between.

    Raises:
        StorageQuotaExceeded, QuotaExceeded: As `why_no_room` tells.
    """
    if record.owner is None:
        return
    quota, usage = standing_of(connection, record.owner, record.received_at)
    if refusal := why_no_room(quota, usage, record.received_at, added_bytes=record.bytes + metadata_bytes):
        raise refusal


def forget_all(connection: sa.Connection) -> None:
    """Before all images are indexed anew, which counts them anew."""
    connection.execute(sa.delete(usage_table))
