"""All settings."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import tempfile
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from vignette.access.events import Addresses
from vignette.access.policy import Access
from vignette.limits import MIB
from vignette.model import Durability, LogFormat, Visibility
from vignette.ports.checks import OnBlocked
from vignette.recipes import Recipe
from vignette.settings.addresses import HOST_NAME, is_address, is_every_address, is_loopback, is_plain_web_address
from vignette.settings.checks import MOST_CHECKS, CheckSettings, blocked_pictures
from vignette.settings.places import ASSETS_FOLDER, PROJECT_FOLDER
from vignette.settings.rendering import (
    DEFAULT_RECIPES,
    LEAST_RENDER_MEMORY_BYTES,
    MOST_PROCESSES,
    RecipeTable,
    usable_processors,
)
from vignette.settings.sources import ENV_PREFIX, Environment, read_config_file
from vignette.settings.values import MOST_BYTES, Folder, WholeNumber

# sockaddr_un holds 108 bytes with the closing zero (unix(7)); macOS has 104.
_MAX_SOCKET_PATH_BYTES: Final = 100
# What one form may hold beside a file of full size, unless it is said.
_UPLOADS_IN_A_REQUEST: Final = 5
# 8 GB decoded to RGBA.
_MOST_PIXELS: Final = 2_000_000_000
_MOST_UNITS: Final = 10_000_000
# Longer than that no cache need wait to ask again.
_A_YEAR_S: Final = 365 * 24 * 3600

Language = Literal["en", "fr"]


class Settings(BaseSettings):
    """
    Typed and checked settings. Relative folders count from the project's folder; all are absolute once read.

    `max_request_bytes` and `render_processes` are never 0 once read. URLs may carry a password: show them by
    `without_password` only.
    """

    # Errors may be chained into a log: `hide_input_in_errors` keeps passwords out of it, as `repr=False` does below.
    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

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

    upload_folder: Folder = Path("static/uploads")
    state_folder: Folder = Path("instance")
    database_url: Annotated[str, Field(repr=False)] = ""
    broker_url: Annotated[str, Field(repr=False)] = ""
    durability: Durability = "full"
    min_free_bytes: Annotated[WholeNumber, Field(ge=0, le=MOST_BYTES)] = 64 * MIB

    max_upload_bytes: Annotated[WholeNumber, Field(ge=1, le=MOST_BYTES)] = 100 * MIB
    max_request_bytes: Annotated[WholeNumber, Field(ge=0, le=MOST_BYTES)] = 0
    max_files_per_request: Annotated[WholeNumber, Field(ge=1, le=1000)] = 50
    max_pixels: Annotated[WholeNumber, Field(ge=1, le=_MOST_PIXELS)] = 100_000_000
    max_frames: Annotated[WholeNumber, Field(ge=1, le=1_000_000)] = 1000

    checks: Annotated[tuple[CheckSettings, ...], Field(max_length=MOST_CHECKS)] = ()
    block_list: str = ""
    on_blocked: OnBlocked = OnBlocked.QUARANTINE

    recipes: Annotated[tuple[RecipeTable, ...], Field(min_length=1)] = DEFAULT_RECIPES
    render_processes: Annotated[WholeNumber, Field(ge=0, le=MOST_PROCESSES)] = 0
    tasks_per_process: Annotated[WholeNumber, Field(ge=1, le=1_000_000)] = 500
    max_render_memory_bytes: Annotated[WholeNumber, Field(ge=LEAST_RENDER_MEMORY_BYTES, le=MOST_BYTES)] = 280 * MIB
    render_seconds: Annotated[WholeNumber, Field(ge=1, le=3600)] = 60
    max_attempts: Annotated[WholeNumber, Field(ge=1, le=20)] = 3
    require_sandbox: bool = False

    log_format: LogFormat = "text"
    log_requests: bool = True
    audit_days: Annotated[WholeNumber, Field(ge=0, le=3650)] = 90
    audit_addresses: Addresses = Addresses.NETWORK

    languages: Annotated[tuple[Language, ...], Field(min_length=1)] = ("en", "fr")

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

    @field_validator("upload_folder", "state_folder")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        try:
            return (PROJECT_FOLDER / folder.expanduser()).resolve()
        except RuntimeError as error:  # no such user's home, or symbolic links that go in a circle
            raise ValueError(str(error)) from error

    @field_validator("database_url")
    @classmethod
    def _a_database_that_we_speak(cls, url: str) -> str:
        if re.fullmatch(r"|sqlite:////.+|postgresql(\+psycopg)?://\S*", url):
            return url
        raise ValueError(
            "should be empty (SQLite in the state folder), sqlite:////an/absolute/path,"
            " or postgresql://user:password@host:port/database"
        )

    @field_validator("broker_url")
    @classmethod
    def _a_broker_that_we_speak(cls, url: str) -> str:
        if re.fullmatch(r"|rediss?://\S+|redis\+socket:///\S+", url):
            return url
        raise ValueError(
            "should be empty (the embedded server), redis://:password@host:port/number, rediss:// for the same"
            " over TLS, or redis+socket:///an/absolute/path"
        )

    @field_validator("recipes")
    @classmethod
    def _names_differ(cls, recipes: tuple[Recipe, ...]) -> tuple[Recipe, ...]:
        names = [recipe.name for recipe in recipes]
        if len(set(names)) < len(names):
            raise ValueError(f"each recipe needs a name of its own, these have {', '.join(names)}")
        return recipes

    @field_validator("checks")
    @classmethod
    def _checks_differ(cls, checks: tuple[CheckSettings, ...]) -> tuple[CheckSettings, ...]:
        names = [check.name for check in checks]
        if len(set(names)) < len(names):
            raise ValueError("should each have a name of its own")
        return checks

    @field_validator("block_list")
    @classmethod
    def _holds_hashes(cls, block_list: str) -> str:
        blocked_pictures(block_list)
        return block_list

    @field_validator("render_processes")
    @classmethod
    def _one_for_each_processor(cls, processes: int) -> int:
        return processes or min(usable_processors(), MOST_PROCESSES)

    @field_validator("max_request_bytes")
    @classmethod
    def _room_for_several_files(cls, size: int, info: ValidationInfo) -> int:
        # `max_upload_bytes` stands before it and is missing here only if it was wrong itself.
        return size or min(_UPLOADS_IN_A_REQUEST * int(info.data.get("max_upload_bytes", MOST_BYTES)), MOST_BYTES)

    @field_validator("languages")
    @classmethod
    def _languages_differ(cls, languages: tuple[Language, ...]) -> tuple[Language, ...]:
        if len(set(languages)) < len(languages):
            raise ValueError("should name each language once")
        return languages

    @model_validator(mode="after")
    def _a_request_holds_an_upload(self) -> Settings:
        if self.max_request_bytes < self.max_upload_bytes:
            raise ValueError(
                f"max_request_bytes = {self.max_request_bytes}: should be at least"
                f" max_upload_bytes = {self.max_upload_bytes}"
            )
        return self

    @model_validator(mode="after")
    def _open_for_this_machine_alone(self) -> Settings:
        """What others reach is open to them only if somebody has said so."""
        if "access" not in self.model_fields_set and not self.is_for_this_machine:
            reached_by = f'public_url = "{self.public_url}"' if self.is_on_loopback else f'host = "{self.host}"'
            raise ValueError(
                f"access is not set, and others reach the service by {reached_by}:"
                ' set access = "closed" (keys for everything), "gallery" (everybody sees the images, keys do the rest)'
                ' or "open" (everybody may do everything, deletion too); `vignette keys add` makes a key'
            )
        return self

    @model_validator(mode="after")
    def _folders_stay_apart(self) -> Settings:
        """
        The upload folder holds nothing but images: it may lie in the state folder, never around it or around our
        code. Neither lies where a browser may fetch files as they are.
        """
        uploads, state = self.upload_folder, self.state_folder
        if state.is_relative_to(uploads):
            raise ValueError(f'state_folder = "{state}": should not be upload_folder = "{uploads}", nor lie in it')
        if ASSETS_FOLDER.is_relative_to(uploads):
            raise ValueError(f'upload_folder = "{uploads}": should be a folder of its own, without "{ASSETS_FOLDER}"')
        for name, folder in (("upload_folder", uploads), ("state_folder", state)):
            if folder.is_relative_to(ASSETS_FOLDER):
                raise ValueError(f'{name} = "{folder}": should not lie in "{ASSETS_FOLDER}", which anyone may read')
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (named by the base class)
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, Environment(settings_cls), InitSettingsSource(settings_cls, read_config_file())

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

    @property
    def uses_embedded_broker(self) -> bool:
        return not self.broker_url

    @property
    def broker_socket(self) -> Path:
        """
        Where the embedded Redis-compatible server listens: in the state folder, or, where that path is too long for a
        socket, in a folder of the user's own below the system's temporary one. The same for every process.
        """
        socket = self.state_folder / "broker.sock"
        if len(os.fsencode(socket)) <= _MAX_SOCKET_PATH_BYTES:
            return socket
        digest = hashlib.sha256(os.fsencode(self.state_folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"vignette-{os.getuid()}-{digest}" / "broker.sock"

    @property
    def first_key_file(self) -> Path:
        """What the start tells the web processes of the link for the first key that it prints."""
        return self.state_folder / "first-key.json"

    @property
    def effective_broker_url(self) -> str:
        return self.broker_url or f"redis+socket://{quote(str(self.broker_socket))}"

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.state_folder / 'catalogue.sqlite3'}"
