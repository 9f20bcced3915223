"""
Who sends a request: the peer of the connection, or whom a proxy that we trust names.

Anybody may write `X-Forwarded-For` (a custom of proxies) or `Forwarded` (RFC 7239). So both are believed only from the
addresses of `trusted_proxies`, and only as far to the left as each of the hosts that wrote them is one of these.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from flask import has_request_context, request

from vignette.web.http.parameters import parameters

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# In the environment of a request (PEP 3333): the address of the client, as text; empty if nobody knows it.
CLIENT: Final = "vignette.client"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What providers give to one customer. Whoever has a /64 has all the addresses in it.
_ONE_CUSTOMER_BITS: Final = 64

# Nobody has more of them in a row, and a client may write thousands of addresses.
_MOST_PROXIES: Final = 16

# RFC 7239, section 6, and what proxies write into X-Forwarded-For: an address, with or without brackets and port.
_NODE: Final = re.compile(r"\[(?P<six>[^\]]*)\](:\w+)?|(?P<four>[0-9.]+)(:\w+)?|(?P<bare>[0-9a-f:.]+)", re.IGNORECASE)


class NamedClients:
    """*app*, each of whose requests has `CLIENT` in its environment."""

    def __init__(self, app: WSGIApplication, trusted_proxies: Sequence[Network]) -> None:
        self._app = app
        self._trusted = tuple(trusted_proxies)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        peer = environ.get("REMOTE_ADDR") or ""
        environ[CLIENT] = client_of(environ, self._trusted) if self._trusted else peer
        return self._app(environ, start_response)


def client_of(environ: WSGIEnvironment, trusted: Sequence[Network]) -> str:
    """
    Return the right-most address that is not of a *trusted* proxy; if all are, the left-most.

    A name that is no address ends the chain: the client is then the proxy that wrote it. So does a request with both
    headers that differ: a proxy writes one of them, and the other may come from the client.
    """
    peer: str = environ.get("REMOTE_ADDR") or ""
    address = _address(peer)
    if address is None or not _is_one_of(address, trusted):
        return peer
    chains = [chain for chain in (_forwarded_for(environ), _forwarded(environ)) if chain]
    if not chains or any(chain != chains[0] for chain in chains):
        return peer
    for node in reversed(chains[0]):
        if node is None:
            break
        address = node
        if not _is_one_of(address, trusted):
            break
    return str(address)


@lru_cache(maxsize=1024)
def holder_of(client: str) -> str:
    """Return who shares places with *client*: its address, or the /64 of an IPv6 address. All unknown ones are one."""
    address = _address(client)
    if address is None:
        return ""
    if address.version == 6:
        return str(ipaddress.ip_network((address, _ONE_CUSTOMER_BITS), strict=False))
    return str(address)


def holder_of_this_request() -> str:
    """Return `holder_of` the client of Flask's request at hand; outside of one, that of an unknown client."""
    if not has_request_context():
        return ""
    return holder_of(request.environ.get(CLIENT) or request.environ.get("REMOTE_ADDR") or "")


def address_of_this_request() -> str | None:
    """
    Return the IP address of the client of Flask's request at hand, without the port that some servers put behind it;
    None if nobody knows it.
    """
    named = request.environ.get(CLIENT) or request.environ.get("REMOTE_ADDR") or ""
    address = _address(named) or _node(named)
    return None if address is None else str(address)


def _forwarded_for(environ: WSGIEnvironment) -> list[_Address | None]:
    return [_node(text) for text in _last_of(environ.get("HTTP_X_FORWARDED_FOR", ""))]


def _forwarded(environ: WSGIEnvironment) -> list[_Address | None]:
    return [_node(parameters(f";{text}").get("for", "")) for text in _last_of(environ.get("HTTP_FORWARDED", ""))]


def _last_of(header: str) -> list[str]:
    return [text for text in header.rsplit(",", _MOST_PROXIES)[-_MOST_PROXIES:] if text.strip()]


def _node(text: str) -> _Address | None:
    found = _NODE.fullmatch(text.strip())
    return _address(found["six"] or found["four"] or found["bare"] or "") if found else None


def _address(text: str) -> _Address | None:
    """Return the address that *text* is; an IPv4 address that came over a socket of IPv6 is one of IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if address.version == 6 else address


def _is_one_of(address: _Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
