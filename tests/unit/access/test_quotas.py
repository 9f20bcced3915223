"""What a key may have: the numbers alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from vignette.access.quotas import UNBOUNDED, Quota, Usage, day_of, why_no_room
from vignette.errors import QuotaExceeded, StorageQuotaExceeded, VignetteError

EVENING: Final = datetime(2026, 11, 29, 23, 59, 30, tzinfo=UTC)
USAGE: Final = Usage(images=3, bytes=900, images_today=2)


@pytest.mark.parametrize("quota", [UNBOUNDED, Quota(images=4), Quota(bytes=1000), Quota(images_per_day=3)])
def test_what_fits_to_the_last_is_taken(quota: Quota) -> None:
    assert why_no_room(quota, USAGE, EVENING, added_bytes=100) is None


@pytest.mark.parametrize(
    ("quota", "kind", "measured", "limit"),
    [
        (Quota(images=3), StorageQuotaExceeded, 4, 3),
        (Quota(images=0), StorageQuotaExceeded, 4, 0),
        (Quota(bytes=999), StorageQuotaExceeded, 1000, 999),
        (Quota(images_per_day=2), QuotaExceeded, 3, 2),
    ],
)
def test_one_more_is_refused_with_both_numbers(
    quota: Quota, kind: type[VignetteError], measured: int, limit: int
) -> None:
    refusal = why_no_room(quota, USAGE, EVENING, added_bytes=100)

    assert type(refusal) is kind
    assert (refusal.measured, refusal.limit) == (measured, limit)


def test_the_next_day_begins_at_midnight_utc() -> None:
    refusal = why_no_room(Quota(images_per_day=2), USAGE, EVENING)

    assert isinstance(refusal, QuotaExceeded)
    assert refusal.retry_after_s == 30
    assert day_of(EVENING.replace(second=59)) + 1 == day_of(datetime(2026, 11, 30, tzinfo=UTC))
