"""The offer of a first key: the start of a service prints a link, and whoever opens it is made its `admin`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

ENDS_AFTER: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Offer:
    """`digest` is that of the token in the link (`secrets.digest_of`)."""

    digest: str
    expires_at: datetime
