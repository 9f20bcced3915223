"""What somebody gives for a key, a ticket or a link, as it is kept: within its limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from vignette.errors import MalformedRequest
from vignette.model import in_milliseconds
from vignette.records import clean_name

# What `records.require_moment` refuses: a snapshot with such a time could not be read.
_NO_SUCH_TIME: Final = datetime(9999, 1, 1, tzinfo=UTC)

_MOST_WORDS: Final = 200


def checked_end(expires_at: datetime, now: datetime, before: datetime = _NO_SUCH_TIME) -> datetime:
    """
    Return *expires_at* as it is kept.

    Raises:
        MalformedRequest: It has no zone, has passed, or is not *before* that time.
    """
    if expires_at.tzinfo is None:
        raise MalformedRequest(f"expires_at has no time zone: {expires_at.isoformat()}")
    if expires_at <= now:
        raise MalformedRequest(f"expires_at has passed already: {expires_at.isoformat()}")
    if expires_at >= before:
        raise MalformedRequest(f"expires_at is after the year {before.year - 1}: {expires_at.isoformat()}")
    return in_milliseconds(expires_at.astimezone(UTC))


def checked_end_or_none(expires_at: datetime | None, now: datetime) -> datetime | None:
    """As `checked_end`; None stands for no end."""
    return None if expires_at is None else checked_end(expires_at, now)


def checked_label(what: str, text: str | None, most_chars: int) -> str | None:
    """Return *text* as a label (`clean_name`), None if nothing is left; raise `MalformedRequest` if it is longer."""
    label = clean_name(text and text.strip())
    if label is not None and len(label) > most_chars:
        raise MalformedRequest(
            f"{what} has {len(label)} characters, the limit is {most_chars}", measured=len(label), limit=most_chars
        )
    return label


def few(
    what: str, usual: Callable[[Iterable[str]], tuple[str, ...]], texts: Iterable[str], most: int
) -> tuple[str, ...]:
    """
    Return *texts* as *usual* writes them.

    Raises:
        MalformedRequest: *usual* raises `ValueError`, or there are more than *most*.
    """
    try:
        found = usual(texts)
    except ValueError as error:
        raise MalformedRequest(f"{what}: {str(error)[:_MOST_WORDS]}") from None
    if len(found) > most:
        raise MalformedRequest(f"there are {len(found)} {what}, the limit is {most}", measured=len(found), limit=most)
    return found
