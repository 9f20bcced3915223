"""Origins of pages (RFC 6454): whose pages may use a key or a ticket, though they are of another site."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_ORIGIN: Final = re.compile(r"(https?)://([a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::([0-9]{0,5}))?/*", re.ASCII)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MAX_SHOWN_CHARS: Final = 100


def origins_of(texts: Iterable[str]) -> tuple[str, ...]:
    """
    Return these origins ("https://app.example.org", "http://localhost:5173") as browsers write them (RFC 6454, 6.2),
    each once: in lower case, without a default port.

    Raises:
        ValueError: One is none: it has a path, no host, or another scheme than http and https; "*" and "null" are none.
    """
    return tuple(dict.fromkeys(map(_origin, texts)))


def _origin(text: str) -> str:
    form = _ORIGIN.fullmatch(text.lower())
    if form is None or (form[3] and not 0 < int(form[3]) < 65536):
        raise ValueError(f"{text[:_MAX_SHOWN_CHARS]!r} is no origin, as https://app.example or http://localhost:3000")
    scheme, host, port = form.groups()
    return f"{scheme}://{host}" if not port or int(port) == _DEFAULT_PORTS[scheme] else f"{scheme}://{host}:{int(port)}"
