"""
Keys have quotas and origins, and it is counted what each has here.

Triggers count, in the transaction of whatever changes an image: so no way of changing one can forget it. They look at
images with an owner only. Metadata and vignettes of earlier images count once the image is rendered or indexed again.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_COUNT_THOSE_OF_BEFORE: Final = """
INSERT INTO usage (owner, images, bytes, day, day_images)
SELECT owner, count(*), sum(bytes), 0, 0
FROM image WHERE owner IS NOT NULL AND state NOT IN ('deleting', 'deleted')
GROUP BY owner
"""

_COUNT_NEW: Final = """
INSERT INTO usage (owner, images, bytes, day, day_images)
VALUES (NEW.owner, 1, NEW.bytes + NEW.metadata_bytes + NEW.vignette_bytes, NEW.received_at_ms / 86400000, 1)
ON CONFLICT (owner) DO UPDATE SET
    images = usage.images + 1,
    bytes = usage.bytes + excluded.bytes,
    day_images = CASE
        WHEN excluded.day = usage.day THEN usage.day_images + 1
        WHEN excluded.day > usage.day THEN 1
        ELSE usage.day_images
    END,
    day = CASE WHEN excluded.day > usage.day THEN excluded.day ELSE usage.day END;
"""

_COUNT_CHANGED: Final = """
UPDATE usage SET
    images = images - CASE WHEN NEW.state IN ('deleting', 'deleted') THEN 1 ELSE 0 END,
    bytes = bytes - (OLD.bytes + OLD.metadata_bytes + OLD.vignette_bytes)
        + CASE
            WHEN NEW.state IN ('deleting', 'deleted') THEN 0
            ELSE NEW.bytes + NEW.metadata_bytes + NEW.vignette_bytes
        END
WHERE owner = OLD.owner;
"""

# No image leaves the table but to be indexed anew.
_COUNT_GONE: Final = """
UPDATE usage SET
    images = images - 1,
    bytes = bytes - (OLD.bytes + OLD.metadata_bytes + OLD.vignette_bytes),
    day_images = day_images - CASE WHEN day = OLD.received_at_ms / 86400000 THEN 1 ELSE 0 END
WHERE owner = OLD.owner;
"""

_IS_NEW: Final = "NEW.owner IS NOT NULL AND NEW.state NOT IN ('deleting', 'deleted')"
_WAS_THERE: Final = "OLD.owner IS NOT NULL AND OLD.state NOT IN ('deleting', 'deleted')"
_HAS_CHANGED: Final = """
OLD.owner IS NOT NULL AND OLD.state NOT IN ('deleting', 'deleted') AND (
    NEW.state IN ('deleting', 'deleted') OR NEW.bytes <> OLD.bytes
    OR NEW.metadata_bytes <> OLD.metadata_bytes OR NEW.vignette_bytes <> OLD.vignette_bytes
)"""

_TRIGGERS: Final = (
    ("new", "INSERT", _IS_NEW, _COUNT_NEW),
    ("changed", "UPDATE OF state, bytes, metadata_bytes, vignette_bytes", _HAS_CHANGED, _COUNT_CHANGED),
    ("gone", "DELETE", _WAS_THERE, _COUNT_GONE),
)


def upgrade() -> None:
    for name in ("metadata_bytes", "vignette_bytes"):
        op.add_column("image", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("access_key", sa.Column("origins", sa.Text, nullable=False, server_default=""))
    for name in ("quota_images", "quota_bytes", "quota_images_per_day"):
        op.add_column("access_key", sa.Column(name, sa.BigInteger))
    op.create_table(
        "usage",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("images", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("day", sa.BigInteger, nullable=False),
        sa.Column("day_images", sa.BigInteger, nullable=False),
    )
    op.execute(_COUNT_THOSE_OF_BEFORE)
    trigger = _on_sqlite if op.get_bind().dialect.name == "sqlite" else _on_postgresql
    for name, event, condition, count in _TRIGGERS:
        trigger(name, event, condition, count)


def _on_sqlite(name: str, event: str, condition: str, count: str) -> None:
    op.execute(f"CREATE TRIGGER usage_of_{name} AFTER {event} ON image WHEN {condition} BEGIN {count} END")


def _on_postgresql(name: str, event: str, condition: str, count: str) -> None:
    op.execute(
        f"CREATE FUNCTION usage_of_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {count} RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE TRIGGER usage_of_{name} AFTER {event} ON image FOR EACH ROW WHEN ({condition})"
        f" EXECUTE FUNCTION usage_of_{name}()"
    )
