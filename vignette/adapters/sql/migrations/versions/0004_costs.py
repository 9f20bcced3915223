"""
Indexes for every question that is asked again and again, so that it reads what it is for and nothing else; the column
`recipes` is called `recipe_set`, as everywhere.

Each index of some of the rows is used where a statement has the same condition, written out in the same words.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_UNFINISHED = "state IN ('pending', 'processing', 'renewing')"


def upgrade() -> None:
    op.alter_column("image", "recipes", new_column_name="recipe_set")
    op.drop_index("image_state", "image")
    op.create_index("image_state", "image", ["state", "id"])
    _create_index("image_living", ["id"], "state NOT IN ('deleting', 'deleted')")
    _create_index("image_ready", ["state", "recipe_set", "id"], "state = 'ready'")
    # Those whose job is in the queue, as far as we know; and those that somebody has begun to render since it was.
    is_queued = f"{_UNFINISHED} AND (lease_until IS NULL OR lease_until <= hinted_at)"
    _create_index("image_queued", ["state", "hinted_at", "id"], is_queued)
    _create_index("image_leased", ["state", "lease_until", "id"], f"{_UNFINISHED} AND hinted_at < lease_until")


def _create_index(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "image", columns, sqlite_where=where, postgresql_where=where)
