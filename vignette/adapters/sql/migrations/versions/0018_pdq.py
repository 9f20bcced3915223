"""
Perceptual hashes of images, and an index of each sixteenth part of them. Hashes that differ in at most 31 bits have a
part that differs in one bit or none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_PARTS = 16
_DIGITS = 4


def upgrade() -> None:
    op.add_column("image", sa.Column("pdq", sa.Text))
    op.add_column("image", sa.Column("pdq_quality", sa.Integer))
    for part in range(_PARTS):
        op.execute(
            f"CREATE INDEX image_pdq_{part} ON image (substr(pdq, {1 + part * _DIGITS}, {_DIGITS}))"
            " WHERE pdq IS NOT NULL AND pdq_quality >= 50"
        )
