"""The end that is given to what is good for some time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from vignette.errors import MalformedRequest
from vignette.model import in_milliseconds

# What `records.require_moment` refuses: a snapshot with such a time could not be read.
_NO_SUCH_TIME: Final = datetime(9999, 1, 1, tzinfo=UTC)


def checked_end(expires_at: datetime | None, now: datetime) -> datetime | None:
    """Return *expires_at* as it is kept; raise `MalformedRequest` if it has no zone, has passed, or is too far away."""
    if expires_at is None:
        return None
    if expires_at.tzinfo is None:
        raise MalformedRequest(f"expires_at has no time zone: {expires_at.isoformat()}")
    if expires_at <= now:
        raise MalformedRequest(f"expires_at has passed already: {expires_at.isoformat()}")
    if expires_at >= _NO_SUCH_TIME:
        raise MalformedRequest(f"expires_at is after the year {_NO_SUCH_TIME.year - 1}: {expires_at.isoformat()}")
    return in_milliseconds(expires_at.astimezone(UTC))
