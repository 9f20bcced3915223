"""By which key an image came. Of images that came before, nobody knows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("image", sa.Column("owner", sa.Text))
    # The condition of `image_living`, and only of images that have an owner: where nobody has a key, it holds nothing.
    where = sa.text("state NOT IN ('deleting', 'deleted') AND owner IS NOT NULL")
    op.create_index("image_owned", "image", ["owner", "id"], sqlite_where=where, postgresql_where=where)
