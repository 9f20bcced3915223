"""`ports.quotas` in SQL."""

from __future__ import annotations

from datetime import datetime

from vignette.access.quotas import Quota, Usage
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.usage import standing_of


class SqlQuotas:
    def __init__(self, database: Database) -> None:
        self._database = database

    def standing(self, key_id: str, now: datetime) -> tuple[Quota, Usage]:
        with self._database.read() as connection:
            return standing_of(connection, key_id, now)
