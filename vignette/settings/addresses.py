"""Hosts and web addresses, as an operator may write them."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

HOST_NAME: Final = re.compile(r"[a-z0-9_][a-z0-9_.-]*", re.IGNORECASE | re.ASCII)


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    return host.lower().removesuffix(".") == "localhost" or (
        is_address(host) and ipaddress.ip_address(host).is_loopback
    )


def is_every_address(host: str) -> bool:
    return is_address(host) and ipaddress.ip_address(host).is_unspecified


def is_plain_web_address(url: str) -> bool:
    if not re.fullmatch(r"https?://[^\s?#@\\]+", url, re.IGNORECASE):
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that hold no address
        return False


def is_web_address(url: str) -> bool:
    """Whether it is one that may be asked: with a path and a query, perhaps, and without a user and a fragment."""
    if not re.fullmatch(r"https?://[!-~]+", url, re.IGNORECASE) or "#" in url:
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return False


def host_and_port_of(place: str) -> tuple[str, int]:
    """Return what "host:port" names; raise `ValueError`. An address of IPv6 stands in brackets."""
    try:
        parts = urlsplit(f"//{place}")
        if parts.hostname and parts.port and parts.netloc == place and not parts.path and "@" not in place:
            return parts.hostname, parts.port
    except ValueError:
        pass
    raise ValueError("should be the absolute path of a socket, or host:port")
