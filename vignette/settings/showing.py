"""Values as messages may show them: without secrets."""

from __future__ import annotations

import json
import re
from typing import Any, Final

# A name that says so is not trusted to hold anything else, known to us or not.
SECRET_NAME: Final = re.compile(r"password|secret|token|key|_url$", re.IGNORECASE)


def shown_value(value: Any) -> str:
    """As it stands in the file, or nearly so: JSON and TOML write most values alike."""
    return json.dumps(_without_secrets(value), ensure_ascii=False, default=str)


def _without_secrets(value: Any) -> Any:
    match value:
        case str():
            return without_password(value)
        case dict():
            return {name: "…" if is_secret(str(name)) else _without_secrets(each) for name, each in value.items()}
        case list() | tuple():
            return [_without_secrets(each) for each in value]
    return value


def is_secret(name: str) -> bool:
    return name.rpartition(".")[2] == "secret"


def without_password(url: str) -> str:
    """
    *url* as it may be shown: without user and password, and without the query, which may hold them too.

    A password may hold any letter. Where it is not clear what is part of it, only the scheme is left.
    """
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    place, question_mark, query = rest.partition("?")
    if "@" in query:
        return f"{scheme}{separator}…"
    _, at, place = place.rpartition("@")
    return f"{scheme}{separator}{'…@' if at else ''}{place}{'?…' if question_mark else ''}"
