"""Sessions of browsers that have shown a key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "session",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("key_id", sa.Text, nullable=False, index=True),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False, index=True),
        sa.Column("last_used_at_ms", sa.BigInteger, nullable=False, index=True),
        sa.Column("agent", sa.Text),
    )
