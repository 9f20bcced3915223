"""
The one settings object: `vignette.toml`, then `VIGNETTE_*` in the environment, which wins.

This module is the only reader of either. Every value is typed and checked when the service starts;
`vignette.example.toml` documents each, and a test holds the two to each other.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from vignette.access.events import Addresses
from vignette.access.policy import Access
from vignette.errors import SettingsError, VignetteError
from vignette.limits import MAX_BLOCKED_PICTURES, MIB
from vignette.model import Durability, LogFormat, Visibility
from vignette.pixels.pdq import read_hashes
from vignette.ports.checks import OnBlocked, OnError
from vignette.recipes import MAX_EDGE_PX, Recipe
from vignette.records import CHECK_NAME

PROJECT_FOLDER: Final = Path(__file__).resolve().parent.parent
ASSETS_FOLDER: Final = PROJECT_FOLDER / "static" / "assets"

ENV_PREFIX: Final = "VIGNETTE_"

# VIGNETTE_* names that are no settings: where the file is, and what tests and benches read.
_OTHER_VARIABLES: Final = frozenset({"VIGNETTE_CONFIG", "VIGNETTE_CORPUS"})
_TEST_PREFIX: Final = "VIGNETTE_TEST_"

# sockaddr_un holds 108 bytes with the closing zero (unix(7)); macOS has 104.
_MAX_SOCKET_PATH_BYTES: Final = 100

# The catalogue keeps byte counts in 64 bits; a limit over 1 TiB is a slip of the finger.
_MOST_BYTES: Final = 1024 * 1024 * MIB
# What one form may hold beside a file of full size, unless it is said.
_UPLOADS_IN_A_REQUEST: Final = 5
# For the encoders of the largest vignettes, and threads.
_LEAST_RENDER_MEMORY_BYTES: Final = 64 * MIB
# 8 GB decoded to RGBA.
_MOST_PIXELS: Final = 2_000_000_000
_MOST_PROCESSES: Final = 256
# An upload waits for all of them, one after the other, and holds a place meanwhile.
_MOST_CHECKS: Final = 8
_MOST_CHECK_SECONDS: Final = 60
# Of hexadecimal digits, these are 64 bits.
_LEAST_SECRET_CHARS: Final = 16
_MOST_UNITS: Final = 10_000_000
# Longer than that no cache need wait to ask again.
_A_YEAR_S: Final = 365 * 24 * 3600

# A name that says so is not trusted to hold anything else, known to us or not.
_SECRET_NAME: Final = re.compile(r"password|secret|token|key|_url$", re.IGNORECASE)

_HOST_NAME: Final = re.compile(r"[a-z0-9_][a-z0-9_.-]*", re.IGNORECASE | re.ASCII)

# Where pydantic's words are those of Python.
_ALLOWED: Final = {
    "tuple_type": "should be a list",
    "too_short": "should hold at least one entry",
    "dataclass_type": "should be a table",
    "path_type": "should be text",
    "string_type": "should be text",
    "int_parsing": "should be a whole number",
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
}

# The type of our own errors about `edge`, as pydantic tells them.
_EDGE: Final = "edge"

Language = Literal["en", "fr"]


def _not_a_boolean(value: object) -> object:
    if isinstance(value, bool):
        # Else Python counts true as 1. A TypeError would pass through pydantic.
        raise ValueError("should be a whole number")  # noqa: TRY004
    return value


def _not_empty(value: object) -> object:
    if value == "":
        raise ValueError("should name a folder")  # else it is the project's own
    return value


def _box_of_edge(recipe: object) -> object:
    """*recipe* with `edge` written out as the `width` and `height` that it stands for."""
    if not isinstance(recipe, dict) or "edge" not in recipe:
        return recipe
    edge = recipe["edge"]
    if {"width", "height"}.intersection(recipe):
        raise PydanticCustomError(_EDGE, "should stand alone: it is width and height in one")
    if type(edge) is not int or not 1 <= edge <= MAX_EDGE_PX:
        raise PydanticCustomError(_EDGE, f"should be a whole number from 1 to {MAX_EDGE_PX}")
    return {name: value for name, value in recipe.items() if name != "edge"} | {"width": edge, "height": edge}


WholeNumber = Annotated[int, BeforeValidator(_not_a_boolean)]
Folder = Annotated[Path, BeforeValidator(_not_empty)]
RecipeTable = Annotated[Recipe, BeforeValidator(_box_of_edge)]


class CheckSettings(BaseModel):
    """A check that each upload has to pass: that of an HTTP service at `url`, or of ClamAV's daemon at `clamd`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str
    url: Annotated[str, Field(repr=False)] = ""
    secret: Annotated[str, Field(repr=False)] = ""
    clamd: str = ""
    on_found: Literal["reject", "quarantine"] = "reject"
    on_error: OnError = OnError.REFUSE
    timeout_seconds: Annotated[WholeNumber, Field(ge=1, le=_MOST_CHECK_SECONDS)] = 10

    @field_validator("name")
    @classmethod
    def _a_label(cls, name: str) -> str:
        if not CHECK_NAME.fullmatch(name):
            raise ValueError("should be a lower-case letter, then up to 31 lower-case letters, digits or hyphens")
        return name

    @field_validator("url")
    @classmethod
    def _a_service(cls, url: str) -> str:
        if url and not _is_web_address(url):
            raise ValueError("should be http:// or https:// with a host, without user and password")
        return url

    @field_validator("clamd")
    @classmethod
    def _a_socket(cls, clamd: str) -> str:
        if clamd and not clamd.startswith("/"):
            host_and_port_of(clamd)
        return clamd

    @model_validator(mode="after")
    def _one_of_both(self) -> CheckSettings:
        if bool(self.url) == bool(self.clamd):
            raise ValueError("should have either url or clamd")
        if self.url and len(self.secret) < _LEAST_SECRET_CHARS:
            raise ValueError(f"should have a secret of at least {_LEAST_SECRET_CHARS} characters beside its url")
        if self.clamd and self.secret:
            raise ValueError("should have no secret beside clamd, which knows none")
        return self


def blocked_pictures(block_list: str) -> tuple[int, ...]:
    """
    Return the hashes in this file, none if there is no file to be read; raise `ValueError` if it cannot be read, or
    holds anything else, or too many.
    """
    if not block_list:
        return ()
    try:
        hashes = read_hashes(Path(block_list).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot be read: {error}") from None
    if len(hashes) > MAX_BLOCKED_PICTURES:
        raise ValueError(f"holds {len(hashes)} hashes, the limit is {MAX_BLOCKED_PICTURES}")
    return hashes


def host_and_port_of(place: str) -> tuple[str, int]:
    """Return what "host:port" names; raise `ValueError`. An address of IPv6 stands in brackets."""
    try:
        parts = urlsplit(f"//{place}")
        if parts.hostname and parts.port and parts.netloc == place and not parts.path and "@" not in place:
            return parts.hostname, parts.port
    except ValueError:
        pass
    raise ValueError("should be the absolute path of a socket, or host:port")


DEFAULT_RECIPES: Final = (
    Recipe(name="small", width=256, height=256),
    Recipe(name="medium", width=640, height=640),
    Recipe(name="large", width=1280, height=1280),
)


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
    min_free_bytes: Annotated[WholeNumber, Field(ge=0, le=_MOST_BYTES)] = 64 * MIB

    max_upload_bytes: Annotated[WholeNumber, Field(ge=1, le=_MOST_BYTES)] = 100 * MIB
    max_request_bytes: Annotated[WholeNumber, Field(ge=0, le=_MOST_BYTES)] = 0
    max_files_per_request: Annotated[WholeNumber, Field(ge=1, le=1000)] = 50
    max_pixels: Annotated[WholeNumber, Field(ge=1, le=_MOST_PIXELS)] = 100_000_000
    max_frames: Annotated[WholeNumber, Field(ge=1, le=1_000_000)] = 1000

    checks: Annotated[tuple[CheckSettings, ...], Field(max_length=_MOST_CHECKS)] = ()
    block_list: str = ""
    on_blocked: OnBlocked = OnBlocked.QUARANTINE

    recipes: Annotated[tuple[RecipeTable, ...], Field(min_length=1)] = DEFAULT_RECIPES
    render_processes: Annotated[WholeNumber, Field(ge=0, le=_MOST_PROCESSES)] = 0
    tasks_per_process: Annotated[WholeNumber, Field(ge=1, le=1_000_000)] = 500
    max_render_memory_bytes: Annotated[WholeNumber, Field(ge=_LEAST_RENDER_MEMORY_BYTES, le=_MOST_BYTES)] = 280 * MIB
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
        if _is_address(host) or (_HOST_NAME.fullmatch(host) and not re.fullmatch(r"[0-9.]+", host)):
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
        if url and not _is_plain_web_address(url):
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
        return processes or min(_usable_processors(), _MOST_PROCESSES)

    @field_validator("max_request_bytes")
    @classmethod
    def _room_for_several_files(cls, size: int, info: ValidationInfo) -> int:
        # `max_upload_bytes` stands before it and is missing here only if it was wrong itself.
        return size or min(_UPLOADS_IN_A_REQUEST * int(info.data.get("max_upload_bytes", _MOST_BYTES)), _MOST_BYTES)

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
        return init_settings, _Environment(settings_cls), InitSettingsSource(settings_cls, _read_config_file())

    @property
    def is_on_loopback(self) -> bool:
        """Whether only this machine reaches the web server."""
        return _is_loopback(self.host)

    @property
    def is_for_this_machine(self) -> bool:
        """Whether only this machine reaches the service: the web server, and no public URL in front of it."""
        public_host = urlsplit(self.public_url).hostname
        return self.is_on_loopback and (public_host is None or _is_loopback(public_host))

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
        return frozenset(name for name in names if name and not _is_every_address(name))

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


class _Environment(EnvSettingsSource):
    """`VIGNETTE_*`; an empty variable counts as not set. Lists and tables are JSON."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except json.JSONDecodeError as error:
            variable = ENV_PREFIX + field_name.upper()
            raise SettingsError(f"{variable} = {_shown(value)}: should be a list in JSON ({error})") from error


def config_file() -> Path:
    """The settings file: the path in `VIGNETTE_CONFIG`, else `vignette.toml` in the project's folder."""
    return Path(os.environ.get("VIGNETTE_CONFIG") or PROJECT_FOLDER / "vignette.toml")


def load_settings(**overrides: Any) -> Settings:
    """
    Read and check the settings; *overrides* win over file and environment.

    Raises:
        SettingsError: Something is unknown or wrong; one line each: where it stands, its name, its value and what is
            allowed.
    """
    problems = _unknown_variables(os.environ)
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(problems + _explain(error, overrides))) from error
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def as_environment(settings: Settings) -> dict[str, str]:
    """The variables by which another process reads just *settings*, and no file."""
    values = settings.model_dump(mode="json")
    variables = {
        _variable(name): value if isinstance(value, str) else json.dumps(value) for name, value in values.items()
    }
    return variables | {"VIGNETTE_CONFIG": os.devnull}


def load_settings_or_exit() -> Settings:
    """`load_settings` for the entry scripts: what is wrong goes to standard error, the process ends with 2."""
    with exit_with_words():
        return load_settings()


@contextmanager
def exit_with_words() -> Iterator[None]:
    """
    End the process when one of our errors comes this far: a line or more on standard error, and no traceback. The
    status is 2 for wrong settings, else 1.
    """
    try:
        yield
    except VignetteError as error:
        cause = f" ({type(error.__cause__).__name__}: {error.__cause__})" if error.__cause__ else ""
        words = str(error) if isinstance(error, SettingsError) else f"{error}{cause}"
        for line in words.splitlines():
            print(f"vignette: {line}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2 if isinstance(error, SettingsError) else 1) from None


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


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host.lower().removesuffix(".") == "localhost" or (
        _is_address(host) and ipaddress.ip_address(host).is_loopback
    )


def _is_every_address(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host).is_unspecified


def _is_plain_web_address(url: str) -> bool:
    if not re.fullmatch(r"https?://[^\s?#@\\]+", url, re.IGNORECASE):
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that hold no address
        return False


def _is_web_address(url: str) -> bool:
    """Whether it is one that may be asked: with a path and a query, perhaps, and without a user and a fragment."""
    if not re.fullmatch(r"https?://[!-~]+", url, re.IGNORECASE) or "#" in url:
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return False


def _usable_processors() -> int:
    """Those that this process may run on (`taskset`, a container's cpuset), where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read_config_file() -> dict[str, Any]:
    """What the settings file holds; nothing where there is none and `VIGNETTE_CONFIG` names none."""
    path = config_file()
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if os.environ.get("VIGNETTE_CONFIG"):
            raise SettingsError(f"VIGNETTE_CONFIG = {_shown(str(path))}: there is no such file") from error
        return {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise SettingsError(f"{path} is not TOML: {error}") from error


def _unknown_variables(variables: Mapping[str, str]) -> list[str]:
    allowed = [_variable(field) for field in Settings.model_fields]
    known = _OTHER_VARIABLES.union(allowed)
    return [
        _unknown(name, variables[name], allowed)
        for name in sorted(variables)
        if name.upper().startswith(ENV_PREFIX) and name not in known and not name.startswith(_TEST_PREFIX)
    ]


def _explain(error: ValidationError, overrides: Iterable[str]) -> list[str]:
    """One line for each thing that is wrong: where it stands, its name, its value, what is allowed."""
    items = error.errors(include_url=False)
    # A list is "too short" for pydantic when all in it is wrong too, which is said of each entry already.
    lists_with_wrong_entries = {item["loc"][:depth] for item in items for depth in range(len(item["loc"]))}
    return [
        _explain_one(item, overrides)
        for item in items
        if item["type"] != "too_short" or item["loc"] not in lists_with_wrong_entries
    ]


def _explain_one(item: Any, overrides: Iterable[str]) -> str:
    message = _ALLOWED.get(item["type"]) or item["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if not item["loc"]:
        return str(message)  # about several settings: it names them
    field, *inner = item["loc"]
    name = _where(field, overrides) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in inner)
    if item["type"] == "extra_forbidden":
        return _unknown(name, item["input"], CheckSettings.model_fields if inner else Settings.model_fields)
    if item["type"] == "unexpected_keyword_argument":
        return _unknown(name, item["input"], [_EDGE, *(recipe_field.name for recipe_field in fields(Recipe))])
    if item["type"] == _EDGE:
        return f"{name}.edge = {_shown(item['input']['edge'])}: {message}"
    if item["type"] == "missing":
        hint = "; edge stands for width and height" if inner and inner[-1] in ("width", "height") else ""
        return f"{name} is missing{hint}"
    shown = "…" if _is_secret(name) else _shown(item["input"])
    return f"{name} = {shown}: {message}"


def _shown(value: Any) -> str:
    """As it stands in the file, or nearly so: JSON and TOML write most values alike."""
    return json.dumps(_without_secrets(value), ensure_ascii=False, default=str)


def _without_secrets(value: Any) -> Any:
    match value:
        case str():
            return without_password(value)
        case dict():
            return {name: "…" if _is_secret(str(name)) else _without_secrets(each) for name, each in value.items()}
        case list() | tuple():
            return [_without_secrets(each) for each in value]
    return value


def _is_secret(name: str) -> bool:
    return name.rpartition(".")[2] == "secret"


def _where(field: str, overrides: Iterable[str]) -> str:
    """The name of a setting as it stands where its value came from."""
    if field in overrides:
        return field
    if os.environ.get(_variable(field)):
        return _variable(field)
    return f"{config_file().name}: {field}"


def _variable(field: str) -> str:
    return ENV_PREFIX + field.upper()


def _unknown(name: str, value: Any, allowed: Iterable[str]) -> str:
    shown = "…" if _SECRET_NAME.search(name) else _shown(value)
    return f"{name} = {shown}: is no setting; there are {', '.join(allowed)}"
