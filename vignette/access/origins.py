"""Origins of pages (RFC 6454): who may use a key from the pages of another site."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[a-z0-9._-]{1,100}|\[[0-9a-f:.]{2,45}\]", re.ASCII)


def origins_of(texts: Iterable[str]) -> tuple[str, ...]:
    """
    Return these origins ("https://app.example.org", "http://localhost:5173") as browsers write them, each once.

    Raises:
        ValueError: One is none: it has a path, no host, or another scheme than http and https; "*" and "null" are none.
    """
    return tuple(dict.fromkeys(map(_origin, texts)))


def _origin(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"{text!r} is no origin") from None
    scheme, place = parts.scheme, parts.netloc.lower()
    host = place.rpartition(":")[0] if port is not None else place.removesuffix(":")
    if scheme not in _DEFAULT_PORTS or not _HOST.fullmatch(host) or text.rstrip("/").lower() != f"{scheme}://{place}":
        raise ValueError(f"{text!r} is no origin, as https://app.example.org is one")
    return f"{scheme}://{host}" if port in (None, _DEFAULT_PORTS[scheme]) else f"{scheme}://{host}:{port}"
