"""Events: who did what, when, and from where."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), sa.Identity(), primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("image_id", sa.BigInteger),
        sa.Column("subject", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("times", sa.Integer, nullable=False),
    )
    op.create_index("audit_order", "audit", ["at_ms", "number"])
    op.create_index("audit_actor", "audit", ["actor", "at_ms", "number"])
    op.create_index("audit_what", "audit", ["what", "at_ms", "number"])
    of_images = sa.text("image_id IS NOT NULL")
    op.create_index(
        "audit_image",
        "audit",
        ["image_id", "at_ms", "number"],
        sqlite_where=of_images,
        postgresql_where=of_images,
    )
