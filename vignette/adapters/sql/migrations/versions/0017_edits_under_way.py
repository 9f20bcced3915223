"""Changes of images that have begun: whoever dies in the middle of one leaves a row behind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "edit_under_way",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), sa.Identity(), primary_key=True),
        sa.Column("image_id", sa.BigInteger, nullable=False),
        sa.Column("begun_at", sa.Float, nullable=False),
    )
