"""When something is to end, as the forms of pages ask for it: after a time that is chosen from a list, or on a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from vignette.web.http.queries import one_of

TO_A_DAY: Final = "date"
"""What the field `lasts` says if the field `date` has the last day, in UTC."""


class NoSuchDay(Exception):
    """The day is over, or is none."""


def said_end(form: Mapping[str, str], lasts: Mapping[str, timedelta], now: datetime) -> datetime:
    """
    Return when it is to end, by the fields `lasts` and `date`.

    Raises:
        NoSuchDay: What it should last to is no day that is not over.
        MalformedRequest: `lasts` is none of *lasts*.
    """
    said = one_of(form, "lasts", [*lasts, TO_A_DAY])
    if said in lasts:
        return now + lasts[said]
    try:
        end = datetime.combine(date.fromisoformat(form.get("date", "")) + timedelta(days=1), time(), UTC)
    except (ValueError, OverflowError):
        raise NoSuchDay from None
    if end <= now:
        raise NoSuchDay
    return end
