"""
By which recipes an image was last rendered, so that it is found when there are others.

The index is one over the states of all images: SQLite has never used the former one, which was for three of them, in
queries for two.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # Of images rendered before: by none that there are now.
    op.add_column("image", sa.Column("recipes", sa.Text, nullable=False, server_default=""))
    op.drop_index("image_unfinished", "image")
    op.create_index("image_state", "image", ["state", "recipes", "id"])
