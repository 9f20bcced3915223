"""
The one settings object: `vignette.toml`, then `VIGNETTE_*` in the environment, which wins.

This module is the only reader of either. Every value is typed and checked when the service starts;
`vignette.example.toml` documents each, and a test holds the two to each other.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from vignette.errors import SettingsError
from vignette.limits import MIB
from vignette.model import Recipe

PROJECT_FOLDER: Final = Path(__file__).resolve().parent.parent

ENV_PREFIX: Final = "VIGNETTE_"

# VIGNETTE_* names that are no settings: where the file is, and what the tests read.
_OTHER_VARIABLES: Final = frozenset({"VIGNETTE_CONFIG", "VIGNETTE_CORPUS"})
_TEST_PREFIX: Final = "VIGNETTE_TEST_"

# sockaddr_un holds 108 bytes with the closing zero (unix(7)); macOS has 104.
_MAX_SOCKET_PATH_BYTES: Final = 100

Language = Literal["en", "fr"]


class Settings(BaseSettings):
    """Typed and checked settings. Relative folders count from the project's folder."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    host: Annotated[str, StringConstraints(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 5000
    public_url: Annotated[str, StringConstraints(pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?)?$")] = ""
    web_processes: Annotated[int, Field(ge=1, le=64)] = 2
    web_threads: Annotated[int, Field(ge=1, le=256)] = 16

    upload_folder: Path = Path("static/uploads")
    state_folder: Path = Path("instance")
    database_url: str = ""
    broker_url: str = ""

    max_upload_bytes: Annotated[int, Field(ge=1)] = 100 * MIB
    max_request_bytes: Annotated[int, Field(ge=1)] = 500 * MIB
    max_files_per_request: Annotated[int, Field(ge=1, le=1000)] = 50
    max_pixels: Annotated[int, Field(ge=1)] = 100_000_000
    max_frames: Annotated[int, Field(ge=1)] = 1000

    recipes: Annotated[tuple[Recipe, ...], Field(min_length=1)] = (Recipe(name="small", width=256, height=256),)
    render_processes: Annotated[int, Field(ge=1, le=256)] = Field(default_factory=lambda: os.cpu_count() or 1)
    render_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    max_attempts: Annotated[int, Field(ge=1, le=20)] = 3

    languages: Annotated[tuple[Language, ...], Field(min_length=1)] = ("en", "fr")

    @field_validator("upload_folder", "state_folder")
    @classmethod
    def _from_project_folder(cls, folder: Path) -> Path:
        return PROJECT_FOLDER / folder.expanduser()

    @field_validator("public_url")
    @classmethod
    def _without_closing_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @field_validator("recipes")
    @classmethod
    def _names_differ(cls, recipes: tuple[Recipe, ...]) -> tuple[Recipe, ...]:
        names = [recipe.name for recipe in recipes]
        if len(set(names)) < len(names):
            raise ValueError(f"each recipe needs a name of its own, these have {', '.join(names)}")
        return recipes

    @model_validator(mode="after")
    def _a_request_holds_an_upload(self) -> Settings:
        if self.max_request_bytes < self.max_upload_bytes:
            raise ValueError(
                f"max_request_bytes = {self.max_request_bytes} is less than max_upload_bytes = {self.max_upload_bytes}"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (named by the base class)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())

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
    def effective_broker_url(self) -> str:
        return self.broker_url or f"redis+socket://{quote(str(self.broker_socket))}"

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.state_folder / 'catalogue.sqlite3'}"


def config_file() -> Path:
    """The settings file: the path in `VIGNETTE_CONFIG`, else `vignette.toml` in the project's folder."""
    return Path(os.environ.get("VIGNETTE_CONFIG") or PROJECT_FOLDER / "vignette.toml")


def load_settings(**overrides: Any) -> Settings:
    """
    Read and check the settings; *overrides* win over file and environment.

    Raises:
        SettingsError: Something is unknown or wrong; one line each, with its name, its value and what is allowed.
    """
    unknown = [name for name in os.environ if name.startswith(ENV_PREFIX) and not _is_known_variable(name)]
    if unknown:
        raise SettingsError("\n".join(_unknown(name, _variable_names()) for name in sorted(unknown)))
    if "VIGNETTE_CONFIG" in os.environ and not config_file().is_file():
        raise SettingsError(f"VIGNETTE_CONFIG = {str(config_file())!r}: there is no such file")
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(item) for item in error.errors())) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{config_file()} is not TOML: {error}") from error
    except ValueError as error:  # pydantic-settings: an environment value that should be JSON and is not
        raise SettingsError(f"{error}: {error.__cause__}") from error


def load_settings_or_exit() -> Settings:
    """`load_settings` for the entry scripts: what is wrong goes to standard error, the process ends with 2."""
    try:
        return load_settings()
    except SettingsError as error:
        for line in str(error).splitlines():
            print(f"vignette: {line}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None


def _variable_names() -> list[str]:
    return [ENV_PREFIX + name.upper() for name in Settings.model_fields]


def _is_known_variable(name: str) -> bool:
    return name in _variable_names() or name in _OTHER_VARIABLES or name.startswith(_TEST_PREFIX)


def _unknown(name: str, allowed: list[str]) -> str:
    return f"{name} is no setting; there are {', '.join(allowed)}"


def _explain(item: Any) -> str:
    """One line for one pydantic error: name, value, what is allowed."""
    name = ".".join(str(part) for part in item["loc"])
    if item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        allowed = [f.name for f in fields(Recipe)] if name.startswith("recipes.") else list(Settings.model_fields)
        return _unknown(name, allowed)
    if not name:
        return str(item["msg"]).removeprefix("Value error, ")
    # A URL may carry a password.
    value = "…" if name.endswith("_url") and "@" in str(item["input"]) else repr(item["input"])
    return f"{name} = {value}: {item['msg']}"
