"""Signed links: those that can be revoked, and when those of an image were ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("image", sa.Column("links_ended_at_ms", sa.BigInteger))
    op.create_table(
        "link",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("image", sa.Text, nullable=False, index=True),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("size", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("keep", sa.Text, nullable=False),
        sa.Column("made_by", sa.Text),
        sa.Column("made_at_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger, nullable=False, index=True),
    )
