"""Where the service listens, for whom, and how much anybody may ask."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from vignette.access.policy import Access
from vignette.model import Visibility
from vignette.settings.addresses import HOST_NAME, is_address, is_every_address, is_loopback, is_plain_web_address
from vignette.settings.values import Group, WholeNumber

_MOST_UNITS: Final = 10_000_000
# Longer than that no cache need wait to ask again.
_A_YEAR_S: Final = 365 * 24 * 3600


class Listening(Group):
    host: str = "127.0.0.1"
    port: Annotated[WholeNumber, Field(ge=1, le=65535)] = 5000
    public_url: str = ""
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    access: Access = Access.OPEN
    visibility: Visibility = Visibility.PUBLIC
    visibility_of_earlier: Visibility = Visibility.PRIVATE
    others_may_embed: bool = False
    cache_vignettes_seconds: Annotated[WholeNumber, Field(ge=0, le=_A_YEAR_S)] = 60
    web_processes: Annotated[WholeNumber, Field(ge=1, le=64)] = 4
    web_threads: Annotated[WholeNumber, Field(ge=1, le=256)] = 32
    limit_rates: Literal["auto", "always", "never"] = "auto"
    requests_per_second: Annotated[WholeNumber, Field(ge=0, le=_MOST_UNITS)] = 200
    units_per_minute_of_address: Annotated[WholeNumber, Field(ge=0, le=_MOST_UNITS)] = 6000
    units_per_minute_of_key: Annotated[WholeNumber, Field(ge=0, le=_MOST_UNITS)] = 12_000
    wrong_keys_of_address: Annotated[WholeNumber, Field(ge=0, le=_MOST_UNITS)] = 20
    uploads_at_once_of_key: Annotated[WholeNumber, Field(ge=0, le=256)] = 8
    slow_client_seconds: Annotated[WholeNumber, Field(ge=1, le=600)] = 40

    @field_validator("host")
    @classmethod
    def _an_address_or_a_name(cls, host: str) -> str:
        if is_address(host) or (HOST_NAME.fullmatch(host) and not re.fullmatch(r"[0-9.]+", host)):
            return host
        raise ValueError("should be an IP address or a host name, without scheme and port")

    @field_validator("allowed_hosts")
    @classmethod
    def _addresses_or_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(cls._an_address_or_a_name, hosts))

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses_or_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError as error:
                raise ValueError(f"should hold IP addresses and networks ({error})") from error
        return proxies

    @field_validator("public_url")
    @classmethod
    def _without_closing_slash(cls, url: str) -> str:
        if url and not is_plain_web_address(url):
            raise ValueError("should be empty, or http:// or https:// with a host and at most a port and a path")
        return url.rstrip("/")

    @property
    def is_on_loopback(self) -> bool:
        """Whether only this machine reaches the web server."""
        return is_loopback(self.host)

    @property
    def is_for_this_machine(self) -> bool:
        """Whether only this machine reaches the service: the web server, and no public URL in front of it."""
        public_host = urlsplit(self.public_url).hostname
        return self.is_on_loopback and (public_host is None or is_loopback(public_host))

    @property
    def limits_rates(self) -> bool:
        """Whether anybody is told to ask less: by default not where everybody who can ask has this machine anyway."""
        if self.limit_rates == "auto":
            return self.access is not Access.OPEN or not self.is_for_this_machine
        return self.limit_rates == "always"

    @property
    def own_hosts(self) -> frozenset[str]:
        """The host names and IP addresses that requests may name, beside the loopback names."""
        names = {urlsplit(self.public_url).hostname, *self.allowed_hosts, self.host}
        return frozenset(name for name in names if name and not is_every_address(name))

    @property
    def proxy_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """The networks of `trusted_proxies`; an address is a network of one."""
        return tuple(map(ipaddress.ip_network, self.trusted_proxies))
