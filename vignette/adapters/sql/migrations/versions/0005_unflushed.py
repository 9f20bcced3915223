"""
Notes of the renderings whose files may still be in the memory of a machine alone, and the machine of each worker.

Without AUTOINCREMENT SQLite would use the numbers of notes again that were removed.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "unflushed",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), sa.Identity(), primary_key=True),
        sa.Column("image_id", sa.BigInteger, nullable=False),
        sa.Column("boot", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("unflushed_boot", "unflushed", ["boot", "number"])
    op.add_column("worker", sa.Column("boot", sa.Text))
