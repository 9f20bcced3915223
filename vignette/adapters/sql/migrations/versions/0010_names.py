"""An image has a public name, and is seen by all or by its owner alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from vignette.access.names import name_of_earlier
from vignette.model import ImageFacts, ImageId, Record

revision = "0010"
down_revision = "0009"

_BATCH: Final = 10_000
_LIVING: Final = sa.text("state NOT IN ('deleting', 'deleted')")

_image: Final = sa.table(
    "image",
    sa.column("id"),
    sa.column("sha256"),
    sa.column("received_at_ms"),
    sa.column("state"),
    sa.column("public_name"),
)


def upgrade() -> None:
    op.add_column("image", sa.Column("public_name", sa.Text))
    op.add_column("image", sa.Column("visibility", sa.Text, nullable=False, server_default=""))
    _name_those_of_before()
    op.create_index("image_named", "image", ["public_name"], unique=True)
    op.create_index("image_seen", "image", ["visibility", "id"], sqlite_where=_LIVING, postgresql_where=_LIVING)


def _name_those_of_before() -> None:
    connection = op.get_bind()
    named = sa.update(_image).where(_image.c.id == sa.bindparam("number")).values(public_name=sa.bindparam("name"))
    after = -1
    while rows := connection.execute(_following(after)).all():
        connection.execute(named, [{"number": row.id, "name": _name(row)} for row in rows])
        after = rows[-1].id


def _following(after: int) -> sa.Select[Any]:
    return sa.select(_image).where(_image.c.id > after, _LIVING).order_by(_image.c.id).limit(_BATCH)


def _name(row: sa.Row[Any]) -> str:
    received_at = datetime.fromtimestamp(row.received_at_ms / 1000, tz=UTC)
    return name_of_earlier(ImageId(row.id), Record(None, ImageFacts("", "", 0, 0, 0), 0, row.sha256, received_at))
