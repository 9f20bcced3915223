"""Quotas: what a key may keep here, and how much it may send in a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from vignette.errors import QuotaExceeded, StorageQuotaExceeded, VignetteError

IMAGES_PER_DAY: Final = "images-per-day"
"""The name of the daily quota, as in `RateLimit-Policy` and `violated-policies`."""

_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Quota:
    """
    At most so many `images` and `bytes` at a time, and so many `images_per_day`, which begins at midnight UTC. None:
    any number. The bytes are those of the originals, of what was read in them, and of their vignettes.
    """

    images: int | None = None
    bytes: int | None = None
    images_per_day: int | None = None

    @property
    def is_bounded(self) -> bool:
        return self != UNBOUNDED


UNBOUNDED: Final = Quota()


@dataclass(frozen=True, slots=True)
class Usage:
    """What a key has here. A deleted image counts as one of today's all the same."""

    images: int = 0
    bytes: int = 0
    images_today: int = 0


def why_no_room(
    quota: Quota, usage: Usage, now: datetime, *, images: int = 1, added_bytes: int = 0
) -> VignetteError | None:
    """Tell why so many *images* more, of so many bytes in all, go over *quota*; None if they do not."""
    measured = usage.images + images
    if quota.images is not None and measured > quota.images:
        words = f"the key has {usage.images} images, its quota is {quota.images}"
        return StorageQuotaExceeded(words, measured=measured, limit=quota.images)
    measured = usage.bytes + added_bytes
    if quota.bytes is not None and measured > quota.bytes:
        words = f"the key has {usage.bytes} bytes, its quota is {quota.bytes}, and {added_bytes} come"
        return StorageQuotaExceeded(words, measured=measured, limit=quota.bytes)
    measured = usage.images_today + images
    if quota.images_per_day is not None and measured > quota.images_per_day:
        words = f"the key has sent {usage.images_today} images today, its quota is {quota.images_per_day}"
        return QuotaExceeded(
            words,
            policies=[IMAGES_PER_DAY],
            retry_after_s=seconds_left_of_day(now),
            measured=measured,
            limit=quota.images_per_day,
        )
    return None


def day_of(moment: datetime) -> int:
    """Return the day of *moment* in UTC, counted from 1970-01-01."""
    return int(moment.timestamp() // _DAY_S)


def seconds_left_of_day(now: datetime) -> int:
    """Return how many seconds are left until midnight UTC, at least 1."""
    tomorrow = (now.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return max(1, int((tomorrow - now).total_seconds()))
