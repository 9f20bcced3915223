"""Alembic migrations of the catalogue; `SqlCatalogue.migrate` applies them."""
