"""
Reads dates and times as cameras, programs and people write them; tells them in ISO 8601, as precisely as they are.

What the source does not know is left out from the right: "2018-07" is a month, "2018" a year (ISO 8601-1:2019, 5.2.2).
EXIF has blanks for what is unknown (EXIF 3.0, DateTime), IIM zeros (IPTC-IIM 4.2, 2:55).
"""

from __future__ import annotations

import re
from datetime import datetime, time
from email.utils import parsedate_to_datetime
from typing import Final

from vignette.pixels.metadata.values import Fields

# No date or time is longer. A text of megabytes is not worth the search.
_MAX_CHARS: Final = 40

_TO_THE_SECOND: Final = len("2018-07-16T17:52:22")
_TO_THE_MINUTE: Final = len("2018-07-16T17:52")

_TWO_DIGITS: Final = r"[ \d]?\d"
# "Z", "+02:00", "+0200", "+02"
_OFFSET: Final = r"Z|[+-]\d{1,2}(?::?\d\d)?"
_DATE_TIME: Final = re.compile(
    rf"(\d{{4}})(?:[:\-/.]({_TWO_DIGITS})(?:[:\-/.]({_TWO_DIGITS})"
    rf"(?:[ T]({_TWO_DIGITS}):({_TWO_DIGITS})(?::({_TWO_DIGITS})(\.\d{{1,9}})?)? ?({_OFFSET})?)?)?)?",
    re.ASCII,
)
_COMPACT_DAY: Final = re.compile(r"\A(\d{4})(\d\d)(\d\d)(?=[ T]|\Z)", re.ASCII)
_DATE: Final = re.compile(r"(\d{4})[:\-/.]?(\d\d)[:\-/.]?(\d\d)", re.ASCII)
_TIME: Final = re.compile(rf"(\d\d):?(\d\d)(?::?(\d\d))? ?({_OFFSET})?", re.ASCII)
_FRACTION: Final = re.compile(r"\d{1,9}", re.ASCII)


def moment(text: str) -> str | Fields:
    """Make the value of an EXIF date and time ("2018:07:16 17:52:22"); return *text* itself if it is none."""
    value = iso_8601(text)
    return {"type": "datetime", "value": value, "text": text} if value else text


def day(text: str) -> str | Fields:
    """Make the value of a date of EXIF ("2018:07:16") or IIM ("20180716"); return *text* itself if it is none."""
    match = _DATE.fullmatch(text.strip()) if len(text) <= _MAX_CHARS else None
    value = _date(*match.groups()) if match else ""
    return {"type": "date", "value": value, "text": text} if value else text


def time_of_day(text: str) -> str | Fields:
    """Make the value of a time of IIM ("203513+0100"); return *text* itself if it is none."""
    match = _TIME.fullmatch(text.strip()) if len(text) <= _MAX_CHARS else None
    if match is None:
        return text
    hour, minute, second, offset = match.groups()
    zone = offset_of(offset or "")
    if offset and not zone:
        return text
    value = f"{hour}:{minute}" + (f":{second}" if second else "") + zone
    try:
        time.fromisoformat(value)
    except ValueError:
        return text
    return {"type": "time", "value": value, "text": text}


def iso_8601(text: str) -> str:
    """Return the date of *text*, with its time if a day has such a time; "" if *text* is no date of the calendar."""
    # What is unknown is blank: "2018:07:16   :  :  ".
    spaced = _COMPACT_DAY.sub(r"\1-\2-\3", text.strip().rstrip(" :")) if len(text) <= _MAX_CHARS else ""
    match = _DATE_TIME.fullmatch(spaced)
    if match is None:
        return ""
    year, month, day_of_month, hour, minute, second, fraction, offset = match.groups()
    date = _date(year, month or "00", day_of_month or "00")
    if not hour or len(date) < len("2018-07-16"):
        return date
    at = f"{date}T{_padded(hour)}:{_padded(minute)}" + (f":{_padded(second)}{fraction or ''}" if second else "")
    return _if_real(at + offset_of(offset or "")) or date


def of_internet(text: str) -> str:
    """Read a date and time in ISO 8601, or as in mail (RFC 5322, 3.3), which PNG asks for (11.3.3.1)."""
    if len(text) > _MAX_CHARS:
        return ""
    try:
        return iso_8601(text) or parsedate_to_datetime(text).isoformat()
    except (ValueError, OverflowError, TypeError):
        return ""


def is_exact(moment: str) -> bool:
    """Whether *moment* (ISO 8601) is known to the second."""
    return len(moment) >= _TO_THE_SECOND


def with_details(at: str, fraction: str, offset: str) -> str:
    """Return *at* (ISO 8601) with a *fraction* of its second and an *offset*, if it can have them and has none."""
    if len(at) == _TO_THE_SECOND:
        return at + (f".{fraction}" if _FRACTION.fullmatch(fraction) else "") + offset_of(offset)
    return at + offset_of(offset) if len(at) == _TO_THE_MINUTE else at


def offset_of(text: str) -> str:
    """Return the offset from UTC in *text* ("+02:00", "+0200", "+02", "Z") in ISO 8601; "" if it is none."""
    match = re.fullmatch(r"([+-])(\d{1,2})(?::?([0-5]\d))?", text, re.ASCII) if len(text) <= _MAX_CHARS else None
    if match is None:
        return text if text == "Z" else ""
    sign, hours, minutes = match.groups()
    return f"{sign}{hours:0>2}:{minutes or '00'}" if int(hours) <= 14 else ""


def _date(year: str, month: str, day_of_month: str) -> str:
    """Return the date, without a month or day that is 0; "" if it is none."""
    if year == "0000":
        return ""
    if int(month) == 0:
        return year
    if int(day_of_month) == 0:
        return f"{year}-{_padded(month)}" if int(month) <= 12 else ""
    return _if_real(f"{year}-{_padded(month)}-{_padded(day_of_month)}")


def _padded(digits: str) -> str:
    return f"{int(digits):02}"


def _if_real(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return ""
    return text
