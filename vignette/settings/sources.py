"""Where settings stand: `vignette.toml`, and `VIGNETTE_*` in the environment. The only reader of either."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from vignette.errors import SettingsError
from vignette.settings.places import PROJECT_FOLDER
from vignette.settings.showing import shown_value

ENV_PREFIX: Final = "VIGNETTE_"


def variable_of(field: str) -> str:
    return ENV_PREFIX + field.upper()


def config_file() -> Path:
    """The settings file: the path in `VIGNETTE_CONFIG`, else `vignette.toml` in the project's folder."""
    return Path(os.environ.get("VIGNETTE_CONFIG") or PROJECT_FOLDER / "vignette.toml")


def read_config_file() -> dict[str, Any]:
    """What the settings file holds; nothing where there is none and `VIGNETTE_CONFIG` names none."""
    path = config_file()
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if os.environ.get("VIGNETTE_CONFIG"):
            raise SettingsError(f"VIGNETTE_CONFIG = {shown_value(str(path))}: there is no such file") from error
        return {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise SettingsError(f"{path} is not TOML: {error}") from error


class Environment(EnvSettingsSource):
    """`VIGNETTE_*`; an empty variable counts as not set. Lists and tables are JSON."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except json.JSONDecodeError as error:
            raise SettingsError(
                f"{variable_of(field_name)} = {shown_value(value)}: should be a list in JSON ({error})"
            ) from error
