"""
Images that are ready and whose other sizes are still to come: they are a state of their own, which the indexes of
unfinished images hold too. And which sizes an image has.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_UNFINISHED = "state IN ('pending', 'processing', 'completing', 'renewing')"


def upgrade() -> None:
    # Of images rendered before: not known.
    op.add_column("image", sa.Column("sizes", sa.Text))
    op.drop_index("image_queued", "image")
    op.drop_index("image_leased", "image")
    is_queued = f"{_UNFINISHED} AND (lease_until IS NULL OR lease_until <= hinted_at)"
    _create_index("image_queued", ["state", "hinted_at", "id"], is_queued)
    _create_index("image_leased", ["state", "lease_until", "id"], f"{_UNFINISHED} AND hinted_at < lease_until")


def _create_index(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "image", columns, sqlite_where=where, postgresql_where=where)
