"""What is said when something is unknown or wrong: where it stands, its name, its value, what is allowed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

from pydantic import ValidationError

from vignette.misfits import plain_words
from vignette.recipes import Recipe
from vignette.settings.checks import CheckSettings
from vignette.settings.rendering import EDGE
from vignette.settings.showing import SECRET_NAME, is_secret, shown_value
from vignette.settings.sources import ENV_PREFIX, config_file, variable_of
from vignette.settings.whole import Settings

# VIGNETTE_* names that are no settings: where the file is, and what tests and benches read.
_OTHER_VARIABLES: Final = frozenset({"VIGNETTE_CONFIG", "VIGNETTE_CORPUS"})
_TEST_PREFIX: Final = "VIGNETTE_TEST_"


def unknown_variables(variables: Mapping[str, str]) -> list[str]:
    allowed = [variable_of(field) for field in Settings.model_fields]
    known = _OTHER_VARIABLES.union(allowed)
    return [
        _unknown(name, variables[name], allowed)
        for name in sorted(variables)
        if name.upper().startswith(ENV_PREFIX) and name not in known and not name.startswith(_TEST_PREFIX)
    ]


def explain(error: ValidationError, overrides: Iterable[str]) -> list[str]:
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
    message = plain_words(item)
    if not item["loc"]:
        return message  # about several settings: it names them
    field, *inner = item["loc"]
    name = _where(field, overrides) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in inner)
    if item["type"] == "extra_forbidden":
        return _unknown(name, item["input"], CheckSettings.model_fields if inner else Settings.model_fields)
    if item["type"] == "unexpected_keyword_argument":
        return _unknown(name, item["input"], [EDGE, *(recipe_field.name for recipe_field in fields(Recipe))])
    if item["type"] == EDGE:
        return f"{name}.edge = {shown_value(item['input']['edge'])}: {message}"
    if item["type"] == "missing":
        hint = "; edge stands for width and height" if inner and inner[-1] in ("width", "height") else ""
        return f"{name} is missing{hint}"
    shown = "…" if is_secret(name) else shown_value(item["input"])
    return f"{name} = {shown}: {message}"


def _where(field: str, overrides: Iterable[str]) -> str:
    """The name of a setting as it stands where its value came from."""
    if field in overrides:
        return field
    if os.environ.get(variable_of(field)):
        return variable_of(field)
    return f"{config_file().name}: {field}"


def _unknown(name: str, value: Any, allowed: Iterable[str]) -> str:
    shown = "…" if SECRET_NAME.search(name) else shown_value(value)
    return f"{name} = {shown}: is no setting; there are {', '.join(allowed)}"
