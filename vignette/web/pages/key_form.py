"""The form by which a key is made, and changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from vignette.access.actors import Scope
from vignette.access.keys import Key, networks_of
from vignette.access.origins import origins_of
from vignette.access.quotas import Quota
from vignette.limits import MAX_KEY_NAME_CHARS, MAX_KEY_NETWORKS, MAX_KEY_ORIGINS, MAX_QUOTA, MIB
from vignette.records import clean_name
from vignette.use_cases.keyholding import KeyChanges
from vignette.web.http.queries import whole_number
from vignette.web.pages.ends import TO_A_DAY, NoSuchDay, said_end

_LASTS: Final = {"month": timedelta(days=30), "quarter": timedelta(days=90), "year": timedelta(days=365)}
_FOR_EVER: Final = "ever"
_AS_IT_IS: Final = "as-it-is"

MOST_MIB: Final = MAX_QUOTA // MIB

BLANK: Final[Mapping[str, str]] = {Scope.READ: "1", Scope.UPLOAD: "1", "lasts": "year"}
"""The form of a new key, before anything is filled in."""

_NUMBER: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}
FORM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        **{
            scope.value: {"type": "string", "description": "Whatever it says: the key has this scope"}
            for scope in Scope
        },
        "lasts": {
            "type": "string",
            "enum": [*_LASTS, TO_A_DAY, _FOR_EVER, _AS_IT_IS],
            "description": f"`{_AS_IT_IS}` only for a key that is there",
        },
        "date": {"type": "string", "format": "date", "description": f"With `lasts={TO_A_DAY}`: its last day, in UTC"},
        "networks": {"type": "string", "description": "One on a line"},
        "origins": {"type": "string", "description": "One on a line"},
        "images": _NUMBER,
        "mib": {**_NUMBER, "description": "The quota of bytes, in MiB"},
        "images_per_day": _NUMBER,
    },
    "required": ["name", "lasts"],
}


class RefusedField(Exception):
    """What the field *name* says makes no key. Its words are the template's."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class WantedKey(NamedTuple):
    """What a form wants of a key. The fields have the names of those of `Key`."""

    name: str
    scopes: frozenset[Scope]
    expires_at: datetime | None
    networks: tuple[str, ...]
    origins: tuple[str, ...]
    quota: Quota

    def changes(self, key: Key) -> KeyChanges:
        """Return in what it is not *key* as it is."""
        wanted = {name: value for name, value in self._asdict().items() if value != getattr(key, name)}
        if "quota" in wanted:
            wanted["quota"] = asdict(self.quota)
        return wanted  # type: ignore[return-value]


def filled_in(key: Key) -> dict[str, str]:
    """Return the form as it says what *key* is."""
    said = {
        "name": key.name,
        **dict.fromkeys((scope.value for scope in key.scopes), "1"),
        "lasts": _AS_IT_IS,
        "networks": "\n".join(key.networks),
        "origins": "\n".join(key.origins),
    }
    numbers = {
        "images": key.quota.images,
        "mib": _in_mib(key.quota.bytes),
        "images_per_day": key.quota.images_per_day,
    }
    return said | {name: str(number) for name, number in numbers.items() if number is not None}


def wanted_key(form: Mapping[str, str], now: datetime, before: Key | None = None) -> WantedKey:
    """
    Return the key that *form* wants. A scope is a field of its name. *before* is the key as it is, if there is one.

    Raises:
        RefusedField: A person may have filled it in so.
        MalformedRequest: No form of ours says that.
    """
    said = {name: value.strip() for name, value in form.items() if value.strip()}
    name, scopes = clean_name(said.get("name")), frozenset(scope for scope in Scope if scope in said)
    if name is None or len(name) > MAX_KEY_NAME_CHARS:
        raise RefusedField("name")
    if not scopes:
        raise RefusedField("scopes")
    return WantedKey(
        name,
        scopes,
        _end(said, now, before),
        _few(said, "networks", networks_of, MAX_KEY_NETWORKS),
        _few(said, "origins", origins_of, MAX_KEY_ORIGINS),
        _quota(said, before),
    )


def _end(said: Mapping[str, str], now: datetime, before: Key | None) -> datetime | None:
    if before is not None and said.get("lasts") == _AS_IT_IS:
        return before.expires_at
    if said.get("lasts") == _FOR_EVER:
        return None
    try:
        return said_end(said, _LASTS, now)
    except NoSuchDay:
        raise RefusedField("date") from None


def _few(
    said: Mapping[str, str], name: str, usual: Callable[[Iterable[str]], tuple[str, ...]], most: int
) -> tuple[str, ...]:
    try:
        found = usual(filter(None, re.split(r"[\s,;]+", said.get(name, ""))))
    except ValueError:
        raise RefusedField(name) from None
    if len(found) > most:
        raise RefusedField(name)
    return found


def _quota(said: Mapping[str, str], before: Key | None) -> Quota:
    size = before.quota.bytes if before is not None else None
    mib = whole_number(said, "mib", 0, MOST_MIB)
    if mib != _in_mib(size):  # what was not touched keeps its bytes, be they whole MiB or not
        size = None if mib is None else mib * MIB
    return Quota(
        images=whole_number(said, "images", 0, MAX_QUOTA),
        bytes=size,
        images_per_day=whole_number(said, "images_per_day", 0, MAX_QUOTA),
    )


def _in_mib(size: int | None) -> int | None:
    return None if size is None else min(-(-size // MIB), MOST_MIB)
