"""Keys as rows and back, and the look at one in the transaction of a connection."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from vignette.access.actors import Scope
from vignette.access.keys import Key
from vignette.access.quotas import Quota
from vignette.adapters.sql.tables import key_table, milliseconds, moment_of

# Made once: to make such a statement costs more than to execute it, and each upload with a key executes this one.
_FIND: Final = sa.select(key_table).where(key_table.c.id == sa.bindparam("key_id"))


def find_key(connection: sa.Connection, key_id: str) -> Key | None:
    """Return the key of this id; None if there is none."""
    row = connection.execute(_FIND, {"key_id": key_id}).one_or_none()
    return None if row is None else key_from_row(row)


def key_to_row(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "digest": key.digest,
        "name": key.name,
        "scopes": ",".join(sorted(key.scopes)),
        "created_at_ms": milliseconds(key.created_at),
        "expires_at_ms": None if key.expires_at is None else milliseconds(key.expires_at),
        "networks": ",".join(key.networks),
        "last_used_at_ms": None if key.last_used_at is None else milliseconds(key.last_used_at),
        "origins": ",".join(key.origins),
        "quota_images": key.quota.images,
        "quota_bytes": key.quota.bytes,
        "quota_images_per_day": key.quota.images_per_day,
    }


def key_from_row(row: sa.Row[Any]) -> Key:
    return Key(
        id=row.id,
        digest=row.digest,
        name=row.name,
        scopes=frozenset(map(Scope, filter(None, row.scopes.split(",")))),
        created_at=moment_of(row.created_at_ms),
        expires_at=None if row.expires_at_ms is None else moment_of(row.expires_at_ms),
        networks=tuple(filter(None, row.networks.split(","))),
        last_used_at=None if row.last_used_at_ms is None else moment_of(row.last_used_at_ms),
        quota=Quota(row.quota_images, row.quota_bytes, row.quota_images_per_day),
        origins=tuple(filter(None, row.origins.split(","))),
    )
