"""Keys: what is kept of each, and what can be told of it without asking anybody."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from vignette.access.actors import Actor, Scope
from vignette.access.quotas import UNBOUNDED, Quota

# One and the same, so that nobody learns whether there is such a key, or from where it would be valid.
NOT_VALID: Final = "it is unknown, was removed, has expired, or is not valid from this address"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Key:
    """
    A key, without its token.

    `id` is public and random: 16 hexadecimal digits. `digest` is that of the token (`secrets.digest_of`). `name` is a
    label. Times are in whole milliseconds. `networks` are as `networks_of` writes them; if there are none, the key may
    be shown from everywhere. `origins` are as `origins.origins_of` writes them: of the pages of other sites, only those
    of these origins may use the key.
    """

    id: str
    digest: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    networks: tuple[str, ...] = ()
    last_used_at: datetime | None = None
    quota: Quota = UNBOUNDED
    origins: tuple[str, ...] = ()

    @property
    def actor(self) -> Actor:
        """Who shows this key."""
        return Actor(self.id, self.scopes, origins=frozenset(self.origins))

    def is_valid_at(self, now: datetime) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or now < self.expires_at

    def admits(self, address: str | None) -> bool:
        """
        Whether the key may be shown from this IP *address*. An IPv4 address may be written as one of IPv6 (RFC 4291,
        section 2.5.5.2). What is no address, as that of a socket in the file system, is in no network.
        """
        if not self.networks:
            return True
        try:
            asking = _as_it_is(ipaddress.ip_address(address or ""))
        except ValueError:
            return False
        return any(asking in ipaddress.ip_network(network) for network in self.networks)


def networks_of(texts: Iterable[str]) -> tuple[str, ...]:
    """
    Return these addresses and networks ("10.0.0.0/8", "2001:db8::/32", "192.0.2.7") in their usual notation, each once.

    Raises:
        ValueError: One is neither an address nor a network, is an address within the network that it names, or has a
            zone (RFC 4007, section 11), which is a name that only one machine knows.
    """
    return tuple(dict.fromkeys(str(_network(text)) for text in texts))


def _network(text: str) -> Network:
    if "%" in text:
        raise ValueError(f"{text!r} has a zone")
    network = ipaddress.ip_network(text)
    mapped = _as_it_is(network.network_address)
    if network.version == mapped.version:
        return network
    return ipaddress.ip_network((mapped, network.prefixlen - 96))


def _as_it_is(address: Address) -> Address:
    return getattr(address, "ipv4_mapped", None) or address
