"""The catalogue of the first release: images, the counter of their numbers, signs of life of the workers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "image",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("extension", sa.Text, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("received_at_ms", sa.BigInteger, nullable=False),
        sa.Column("idempotency_key", sa.Text, unique=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failure", sa.JSON),
        sa.Column("hinted_at", sa.Float, nullable=False, server_default="0"),
        sa.Column("lease_until", sa.Float),
    )
    # The sweep and `unfinished` look only at these few rows, however many images there are.
    op.create_index(
        "image_unfinished",
        "image",
        ["id"],
        sqlite_where=sa.text("state IN ('pending', 'processing', 'deleting')"),
        postgresql_where=sa.text("state IN ('pending', 'processing', 'deleting')"),
    )
    counter = op.create_table(
        "counter",
        sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True),
        sa.Column("next", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counter, [{"id": 1, "next": 0}])
    op.create_table(
        "worker",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("seen_at", sa.Float, nullable=False),
    )
