"""Keys as rows and back, and the look at one in the transaction of a connection."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from vignette.access.actors import Scope
from vignette.access.keys import Key
from vignette.access.quotas import Quota
from vignette.adapters.sql.tables import (
    key_table,
    milliseconds,
    moment_column,
    moment_of,
    moment_or_none,
    words_column,
    words_of,
)

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
        "scopes": words_column(sorted(key.scopes)),
        "created_at_ms": milliseconds(key.created_at),
        "expires_at_ms": moment_column(key.expires_at),
        "networks": words_column(key.networks),
        "last_used_at_ms": moment_column(key.last_used_at),
        "origins": words_column(key.origins),
        "quota_images": key.quota.images,
        "quota_bytes": key.quota.bytes,
        "quota_images_per_day": key.quota.images_per_day,
    }


def key_from_row(row: sa.Row[Any]) -> Key:
    return Key(
        id=row.id,
        digest=row.digest,
        name=row.name,
        scopes=frozenset(map(Scope, words_of(row.scopes))),
        created_at=moment_of(row.created_at_ms),
        expires_at=moment_or_none(row.expires_at_ms),
        networks=words_of(row.networks),
        last_used_at=moment_or_none(row.last_used_at_ms),
        quota=Quota(row.quota_images, row.quota_bytes, row.quota_images_per_day),
        origins=words_of(row.origins),
    )
