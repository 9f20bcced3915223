"""What to show until a vignette is there: its ThumbHash and its mean colour, of images rendered from now on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("image", sa.Column("thumbhash", sa.Text))
    op.add_column("image", sa.Column("colour", sa.Text))
