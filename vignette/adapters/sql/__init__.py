"""The catalogue in SQL: SQLite or PostgreSQL. A file for each port, on one `Database`."""
