"""The versions of the catalogue's schema, as Alembic migrations; `schema.migrate` applies them."""

from __future__ import annotations

import logging
from pathlib import Path

import sqlalchemy as sa


def revisions() -> list[str]:
    """All revisions, oldest first: the numbers that their files begin with."""
    return sorted(path.name.partition("_")[0] for path in (Path(__file__).parent / "versions").glob("[0-9]*.py"))


def upgrade(connection: sa.Connection) -> None:
    """Apply what is missing, in the open transaction of *connection*."""
    # Not at the top: it takes a tenth of a second, and nearly every start finds the schema up to date.
    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "vignette.adapters.sql:migrations")
    command.upgrade(config, "head")
