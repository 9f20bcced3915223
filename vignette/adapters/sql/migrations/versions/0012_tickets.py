"""Tickets, and by which ticket an image came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("image", sa.Column("ticket", sa.Text))
    op.add_column("image", sa.Column("external_id", sa.Text))
    # Deleted ones are in it: their uses stay spent.
    where = sa.text("ticket IS NOT NULL")
    op.create_index("image_of_ticket", "image", ["ticket", "id"], sqlite_where=where, postgresql_where=where)
    op.create_index(
        "image_of_ticket_by_bytes", "image", ["ticket", "sha256"], sqlite_where=where, postgresql_where=where
    )
    op.create_table(
        "ticket",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("owner", sa.Text),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.Column("spent", sa.Integer, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger),
        sa.Column("revoked_at_ms", sa.BigInteger),
        sa.Column("last_used_at_ms", sa.BigInteger),
        sa.Column("max_bytes", sa.BigInteger),
        sa.Column("media_types", sa.Text, nullable=False),
        sa.Column("visibility", sa.Text),
        sa.Column("external_id", sa.Text),
        sa.Column("origins", sa.Text, nullable=False),
        sa.Column("note", sa.Text),
    )
    op.create_index("ticket_made", "ticket", ["created_at_ms", "id"])
    op.create_index("ticket_owned", "ticket", ["owner", "created_at_ms", "id"])
    # The origins of each ticket once more, to be found by: a browser asks before it shows any ticket.
    op.create_table(
        "ticket_origin",
        sa.Column("origin", sa.Text, primary_key=True),
        sa.Column("ticket_id", sa.Text, primary_key=True, index=True),
    )
