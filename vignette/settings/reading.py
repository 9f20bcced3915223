"""Settings are read, checked, and handed to other processes."""

from __future__ import annotations

import json
import os
from typing import Any

from pydantic import ValidationError

from vignette.errors import SettingsError
from vignette.settings.explaining import explain, unknown_variables
from vignette.settings.sources import variable_of
from vignette.settings.whole import Settings


def load_settings(**overrides: Any) -> Settings:
    """
    Read and check the settings; *overrides* win over file and environment.

    Raises:
        SettingsError: Something is unknown or wrong; one line each: where it stands, its name, its value and what is
            allowed.
    """
    problems = unknown_variables(os.environ)
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(problems + explain(error, overrides))) from error
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def as_environment(settings: Settings) -> dict[str, str]:
    """The variables by which another process reads just *settings*, and no file."""
    values = settings.model_dump(mode="json")
    variables = {
        variable_of(name): value if isinstance(value, str) else json.dumps(value) for name, value in values.items()
    }
    return variables | {"VIGNETTE_CONFIG": os.devnull}
