"""Run by Alembic, with the connection and the open transaction of `SqlCatalogue.migrate`."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
