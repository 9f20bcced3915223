"""Keys, and by which key an image came. Of images that came before, nobody knows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("image", sa.Column("owner", sa.Text))
    op.create_table(
        "access_key",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger),
        sa.Column("networks", sa.Text, nullable=False),
        sa.Column("last_used_at_ms", sa.BigInteger),
    )
    # The condition of `image_living`, and only of images that have an owner: where nobody has a key, it holds nothing.
    where = sa.text("state NOT IN ('deleting', 'deleted') AND owner IS NOT NULL")
    op.create_index("image_owned", "image", ["owner", "id"], sqlite_where=where, postgresql_where=where)
