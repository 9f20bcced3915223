"""The hosts that a service answers for, by the `Host` of a request (RFC 9110, 7.2)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Final

FOREIGN_HOST: Final = "vignette.foreign_host"
"""In the environ of a request for a host that is not ours: the host."""

# uri-host [ ":" port ]: a name, an IPv4 address, or an IPv6 address in brackets.
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s\[\]:/?#@\\]+)(?::[0-9]*)?", re.ASCII)


# What DNS allows (RFC 1035, 2.3.4), a port, and some more. To look at a name takes a microsecond for each character.
_MAX_CHARS: Final = 300

# Clients ask for one or two hosts, over and over. To look at one took a third of the time that we have for an answer
# that is kept.
_MOST_REMEMBERED: Final = 64


class Hosts:
    """
    Those of *names*, which are host names and IP addresses, and the loopback names: "localhost", 127.0.0.0/8 and ::1.
    Clients send a name beyond ASCII by its A-labels (RFC 5890); in *names* it may stand either way.

    The port does not count: a request has come to ours, whatever port the client believes to have asked.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = {_canonical(name) for name in ("localhost", *names)}
        self._is_one = lru_cache(_MOST_REMEMBERED)(self._look_at)

    def __contains__(self, host: str) -> bool:
        """Whether a request with this `Host` is for us."""
        return len(host) <= _MAX_CHARS and self._is_one(host)

    def _look_at(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = _canonical(match[1])
        return name in self._names or _is_loopback(name)


def _canonical(name: str) -> str:
    """Write *name* as others write the same: in lower case, without the dot of the root, addresses in short."""
    name = name.strip("[]").lower().removesuffix(".")
    with suppress(ValueError):
        return str(ipaddress.ip_address(name))
    with suppress(UnicodeError):
        return name.encode("idna").decode("ascii")
    return name


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
