"""What groups of settings have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict

from vignette.limits import MIB

# The catalogue keeps byte counts in 64 bits; a limit over 1 TiB is a slip of the finger.
MOST_BYTES: Final = 1024 * 1024 * MIB


def _not_a_boolean(value: object) -> object:
    if isinstance(value, bool):
        # Else Python counts true as 1. A TypeError would pass through pydantic.
        raise ValueError("should be a whole number")  # noqa: TRY004
    return value


def _not_empty(value: object) -> object:
    if value == "":
        raise ValueError("should name a folder")  # else it is the project's own
    return value


WholeNumber = Annotated[int, BeforeValidator(_not_a_boolean)]
Folder = Annotated[Path, BeforeValidator(_not_empty)]


class Group(BaseModel):
    """Settings that belong together, or a table of them."""

    # Errors may be chained into a log: `hide_input_in_errors` keeps passwords out of it, as `repr=False` does.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
