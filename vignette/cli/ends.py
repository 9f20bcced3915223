"""A time to come, as commands take it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

_AGE: Final = re.compile(r"([1-9][0-9]{0,4})([hd])", re.ASCII)
_UNITS: Final = {"h": "hours", "d": "days"}


class End(click.ParamType[datetime]):
    """A time to come: "30d" and "12h" from now, or as in ISO 8601, in UTC unless it has an offset."""

    name = "30d|TIME"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 (named by the base class)
        return self.name  # Click would write it in capitals, and 30D is no time

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        if (age := _AGE.fullmatch(value)) is not None:
            return datetime.now(UTC) + timedelta(**{_UNITS[age[2]]: int(age[1])})
        try:
            end = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither a time, as 2027-01-31T12:00Z, nor an age, as 30d or 12h", param, ctx)
        return end if end.tzinfo is not None else end.replace(tzinfo=UTC)


def time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
