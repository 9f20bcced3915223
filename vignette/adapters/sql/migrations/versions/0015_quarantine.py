"""
An image may be in quarantine, and whoever looks at images passes such images over: the indexes for that leave them out.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_LIVING = "state NOT IN ('deleting', 'deleted')"
_SHOWN = f"{_LIVING} AND quarantine IS NULL"


def upgrade() -> None:
    op.add_column("image", sa.Column("quarantine", sa.JSON))
    for name in ("image_living", "image_owned", "image_seen"):
        op.drop_index(name, "image")
    _create_index("image_shown", ["id"], _SHOWN)
    _create_index("image_owned", ["owner", "id"], f"{_SHOWN} AND owner IS NOT NULL")
    _create_index("image_seen", ["visibility", "id"], _SHOWN)
    # Not of living images alone: else each change of a state would look at this index too.
    _create_index("image_quarantined", ["id"], "quarantine IS NOT NULL")


def _create_index(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "image", columns, sqlite_where=where, postgresql_where=where)
