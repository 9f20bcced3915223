"""What is made of pictures, and by what."""

from __future__ import annotations

import os
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from vignette.limits import MIB
from vignette.recipes import MAX_EDGE_PX, Recipe
from vignette.settings.values import MOST_BYTES, Group, WholeNumber

# For the encoders of the largest vignettes, and threads.
_LEAST_RENDER_MEMORY_BYTES: Final = 64 * MIB
_MOST_PROCESSES: Final = 256

# The type of our own errors about `edge`, as pydantic tells them.
EDGE: Final = "edge"


def _box_of_edge(recipe: object) -> object:
    """*recipe* with `edge` written out as the `width` and `height` that it stands for."""
    if not isinstance(recipe, dict) or "edge" not in recipe:
        return recipe
    edge = recipe["edge"]
    if {"width", "height"}.intersection(recipe):
        raise PydanticCustomError(EDGE, "should stand alone: it is width and height in one")
    if type(edge) is not int or not 1 <= edge <= MAX_EDGE_PX:
        raise PydanticCustomError(EDGE, f"should be a whole number from 1 to {MAX_EDGE_PX}")
    return {name: value for name, value in recipe.items() if name != "edge"} | {"width": edge, "height": edge}


RecipeTable = Annotated[Recipe, BeforeValidator(_box_of_edge)]

DEFAULT_RECIPES: Final = (
    Recipe(name="small", width=256, height=256),
    Recipe(name="medium", width=640, height=640),
    Recipe(name="large", width=1280, height=1280),
)


class Rendering(Group):
    recipes: Annotated[tuple[RecipeTable, ...], Field(min_length=1)] = DEFAULT_RECIPES
    render_processes: Annotated[WholeNumber, Field(ge=0, le=_MOST_PROCESSES)] = 0
    tasks_per_process: Annotated[WholeNumber, Field(ge=1, le=1_000_000)] = 500
    max_render_memory_bytes: Annotated[WholeNumber, Field(ge=_LEAST_RENDER_MEMORY_BYTES, le=MOST_BYTES)] = 280 * MIB
    render_seconds: Annotated[WholeNumber, Field(ge=1, le=3600)] = 60
    max_attempts: Annotated[WholeNumber, Field(ge=1, le=20)] = 3
    require_sandbox: bool = False

    @field_validator("recipes")
    @classmethod
    def _names_differ(cls, recipes: tuple[Recipe, ...]) -> tuple[Recipe, ...]:
        names = [recipe.name for recipe in recipes]
        if len(set(names)) < len(names):
            raise ValueError(f"each recipe needs a name of its own, these have {', '.join(names)}")
        return recipes

    @field_validator("render_processes")
    @classmethod
    def _one_for_each_processor(cls, processes: int) -> int:
        return processes or min(_usable_processors(), _MOST_PROCESSES)


def _usable_processors() -> int:
    """Those that this process may run on (`taskset`, a container's cpuset), where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
