"""Sessions: a browser that has shown a key once. What is kept of each, and until when it holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# A session ends when nobody has used it for so long, and in any case when it is so old (OWASP ASVS 5.0, 7.3).
IDLE_ENDS_AFTER: Final = timedelta(days=7)
ENDS_AFTER: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Session:
    """
    A session, without its token.

    `id` is public and random: 16 hexadecimal digits. `digest` is that of the token (`secrets.digest_of`). It gives the
    rights that the key `key_id` has when it is used. `agent` is a label: what the browser says of itself.
    """

    id: str
    digest: str
    key_id: str
    created_at: datetime
    last_used_at: datetime
    agent: str | None = None

    def is_valid_at(self, now: datetime) -> bool:
        return now < self.ends_at

    @property
    def ends_at(self) -> datetime:
        """When it ends, unless it is used before then."""
        return min(self.last_used_at + IDLE_ENDS_AFTER, self.created_at + ENDS_AFTER)
