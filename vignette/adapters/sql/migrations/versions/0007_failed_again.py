"""An index of the images that could not be rendered again: `vignette render --all` tries just these again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    where = sa.text("state = 'ready' AND failure IS NOT NULL")
    op.create_index(
        "image_failed_again", "image", ["state", "recipe_set", "id"], sqlite_where=where, postgresql_where=where
    )
