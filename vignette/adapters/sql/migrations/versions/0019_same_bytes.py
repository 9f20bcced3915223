"""
Indexes by which images with the same bytes are found: for whoever sees what is public, and for an owner.

Each has the first sixteen digits of the SHA-256, which tell a million files from each other and take a quarter of the
room of all digits; and by whom the image is seen, so that what somebody may not see is not even passed over. The state
is in no condition here: else each change of a state would look at both. A deleted image has no digest any more.
"""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"

_KNOWN = "sha256 <> '' AND quarantine IS NULL"


def upgrade() -> None:
    op.execute(f"CREATE INDEX image_bytes_seen ON image ((substr(sha256, 1, 16) || visibility), id) WHERE {_KNOWN}")
    op.execute(
        "CREATE INDEX image_bytes_owned ON image ((substr(sha256, 1, 16) || owner), id)"
        f" WHERE {_KNOWN} AND owner IS NOT NULL"
    )
