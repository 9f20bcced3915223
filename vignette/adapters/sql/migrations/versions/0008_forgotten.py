"""Of a deleted image the catalogue keeps the number, and the digest of the idempotency key."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute(
        "UPDATE image SET name = NULL, media_type = '', extension = '', width = 0, height = 0, frames = 0, bytes = 0,"
        " sha256 = '', received_at_ms = 0, hinted_at = 0, sizes = NULL, attempts = 0, failure = NULL,"
        " lease_until = NULL, thumbhash = NULL, colour = NULL WHERE state = 'deleted'"
    )
