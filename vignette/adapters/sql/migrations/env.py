"""Run by Alembic, with the connection and the open transaction that `upgrade` was given."""

from __future__ import annotations

from alembic import context

# SQLite's DDL is as transactional as any, once pysqlite is kept from committing before it.
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
