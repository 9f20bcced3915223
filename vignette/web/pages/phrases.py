"""The filters of the templates: they put sizes, times, pictures and problems into words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import flask_babel
from markupsafe import Markup

from vignette.limits import KIB
from vignette.pixels.formats import moves, name_of
from vignette.pixels.metadata.text import harmless
from vignette.pixels.metadata.wording import aperture, plain, seconds
from vignette.web.http.problems import code_of
from vignette.web.pages.advice import ADVICE, UNITS
from vignette.web.pages.revelations import REVELATIONS

# Flask-Babel has no type hints.
gettext: Final[Callable[..., str]] = flask_babel.gettext
ngettext: Final[Callable[..., str]] = flask_babel.ngettext
format_decimal: Final[Callable[..., str]] = flask_babel.format_decimal
format_date: Final[Callable[..., str]] = flask_babel.format_date
format_time: Final[Callable[..., str]] = flask_babel.format_time

_PIXELS_IN_A_MEGAPIXEL: Final = 1_000_000


def translated(message: str) -> str:
    """
    Translate *message* into the reader's language; return it unchanged if it has no translation.

    Use this filter for words that do not stand in the template: unlike `_()`, it neither fills in `%` nor marks the
    result as safe HTML.
    """
    return gettext(message) if message else ""


def shown(value: object) -> object:
    """
    Return *value* as it may stand in a page; templates hand each of their values to this.

    What strangers wrote is escaped as HTML besides. But a browser or a terminal obeys some characters (`harmless`).
    """
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    return type(value)(harmless(value))


def filesize(size: int) -> str:
    """Write *size*, in bytes, in the binary unit (IEC 80000-13) that fits it: "2.1 MiB", « 2,1 Mio »."""
    if size < KIB:
        return _bytes(size)
    if size < KIB**2:
        return gettext("%(number)s\u00a0KiB", number=_short(size / KIB))
    if size < KIB**3:
        return gettext("%(number)s\u00a0MiB", number=_short(size / KIB**2))
    return gettext("%(number)s\u00a0GiB", number=_short(size / KIB**3))


def megapixels(pixels: int) -> str:
    """Write *pixels* in millions, with as many digits as the number needs: "12.2 megapixels", "0.0068 megapixels"."""
    return gettext("%(number)s\u00a0megapixels", number=_short(pixels / _PIXELS_IN_A_MEGAPIXEL))


def moment(time: datetime) -> str:
    """Write *time* to the minute, in UTC: the server does not know the reader's time zone."""
    date = format_date(time, "long")
    return gettext("%(date)s, %(time)s\u00a0UTC", date=date, time=format_time(time, "HH:mm"))


def instant(time: datetime) -> str:
    """Write *time* as HTML wants it of a machine: to the second, in UTC. Scripts turn it into the reader's own time."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def local(time: datetime) -> Markup:
    """Write *time* as `moment` does, for `times.js` to turn it into the reader's own time."""
    return Markup('<time datetime="{}" data-local>{}</time>').format(instant(time), moment(time))


def frames(image: Mapping[str, Any]) -> str:
    """Tell that *image*, a resource, moves, or how many pages it has; "" if it is one picture."""
    count: int = image["frames"]
    if count < 2:
        return ""
    number = format_decimal(count)
    if moves(image["media_type"], count):
        return ngettext("Animation of %(number)s frame", "Animation of %(number)s frames", count, number=number)
    return ngettext("%(number)s page", "%(number)s pages", count, number=number)


def day(date: date) -> str:
    """Write *date* with its day of the week."""
    return format_date(date, "full")


def taken(iso_8601: str) -> str:
    """Write when a picture was taken, by its camera's clock; return *iso_8601* unchanged if it is no valid time."""
    try:
        time = datetime.fromisoformat(iso_8601).replace(tzinfo=None)
    except ValueError:
        return iso_8601
    date = format_date(time, "long")
    if "T" not in iso_8601:
        return date
    return gettext("%(date)s, %(time)s", date=date, time=format_time(time, "HH:mm"))


def camera(summary: Mapping[str, Any]) -> str:
    """Write make and model; leave out the make if the model begins with it, as many do."""
    make, model = summary.get("camera_make", ""), summary.get("camera_model", "")
    brand = make.partition(" ")[0].casefold()
    return model if model.casefold().startswith(brand) and model else f"{make} {model}".strip()


def exposure(summary: Mapping[str, Any]) -> str:
    """Write how a picture was exposed, as photographers do: "1/120 s · f/1.8 · ISO 50 · 4.2 mm"."""
    iso, focal_length_mm = summary.get("iso"), summary.get("focal_length_mm")
    parts = (
        seconds(summary.get("exposure_time_s")),
        aperture(summary.get("f_number")),
        f"ISO\u00a0{plain(iso)}" if iso else None,
        f"{plain(focal_length_mm)}\u00a0mm" if focal_length_mm else None,
    )
    return "\u00a0· ".join(part for part in parts if part)


class Amounts(NamedTuple):
    """What a problem measured, and its limit, both in words; None if the problem does not say."""

    measured: str | None
    limit: str | None


def amounts(problem: Mapping[str, Any]) -> Amounts:
    """Write the numbers of *problem* with their unit; in full if they differ, but would look alike when rounded."""
    unit = UNITS.get(code_of(problem["type"]))
    measured, limit = problem.get("measured"), problem.get("limit")
    rounded = Amounts(_amount(measured, unit), _amount(limit, unit))
    if measured != limit and rounded.measured == rounded.limit:
        return Amounts(_exact_amount(measured, unit), _exact_amount(limit, unit))
    return rounded


def advice(problem_type: str) -> str:
    """Say what the reader can do about a problem of this type; "" if we have no advice."""
    return translated(ADVICE.get(code_of(problem_type), ""))


def revelation(kind: str) -> str:
    """Say what it means that a file reveals something of this kind; "" if we do not know."""
    return translated(REVELATIONS.get(kind, ""))


_FIRST_USED: Final = (
    "/images",
    "/images/{image_id}",
    "/vignette/{image_id}",
    "/images/{image_id}/",
    "/images.zip",
    "/images/",
)


def by_use(paths: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return *paths* of an API, each with what it has; those come first that whoever begins to use it needs first."""

    def rank(path: str) -> int:
        whole = [place for place, first in enumerate(_FIRST_USED) if path == first]
        begun = [place for place, first in enumerate(_FIRST_USED) if first.endswith("/") and path.startswith(first)]
        return min(whole + begun, default=len(_FIRST_USED))

    return sorted(paths.items(), key=lambda item: rank(item[0]))


FILTERS: Final[Mapping[str, Callable[..., object]]] = {
    "translated": translated,
    "filesize": filesize,
    "megapixels": megapixels,
    "moment": moment,
    "instant": instant,
    "local": local,
    "frames": frames,
    "format_name": name_of,
    "day": day,
    "taken": taken,
    "camera": camera,
    "exposure": exposure,
    "amounts": amounts,
    "advice": advice,
    "code_of": code_of,
    "revelation": revelation,
    "by_use": by_use,
}


def _amount(value: int | None, unit: str | None) -> str | None:
    match unit, value:
        case "bytes", int():
            return filesize(value)
        case "pixels", int():
            return megapixels(value)
        case _:
            return _exact_amount(value, unit)


def _exact_amount(value: int | None, unit: str | None) -> str | None:
    match unit, value:
        case _, None:
            return None
        case "bytes", int():
            return _bytes(value)
        case "pixels", int():
            return ngettext("%(number)s pixel", "%(number)s pixels", value, number=format_decimal(value))
        case "frames", int():
            return ngettext("%(number)s frame", "%(number)s frames", value, number=format_decimal(value))
        case "files", int():
            return ngettext("%(number)s file", "%(number)s files", value, number=format_decimal(value))
        case "seconds", int():
            return ngettext("%(number)s second", "%(number)s seconds", value, number=format_decimal(value))
        case _:
            return format_decimal(value)


def _bytes(size: int) -> str:
    return ngettext("%(number)s byte", "%(number)s bytes", size, number=format_decimal(size))


def _short(number: float) -> str:
    """Write a number below 1 with up to two significant digits, one below 100 with one decimal, others with none."""
    if number >= 100:
        return format_decimal(number, "#,##0")
    return format_decimal(number, "0.#" if number >= 1 else "@#")
