"""What a key has here, as the catalogue counts it in the transaction of each image, and its quota."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from vignette.access.quotas import Quota, Usage


class Quotas(Protocol):
    """For those who ask before anything comes; `catalogue.Arrivals.add` asks again, and decides."""

    def standing(self, key_id: str, now: datetime) -> tuple[Quota, Usage]:
        """Return the quota of a key and what it has; a key that was removed has neither."""
