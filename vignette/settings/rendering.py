"""What is made of pictures, and by what."""

from __future__ import annotations

import os
from typing import Annotated, Final

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from vignette.limits import MIB
from vignette.recipes import MAX_EDGE_PX, Recipe

# For the encoders of the largest vignettes, and threads.
LEAST_RENDER_MEMORY_BYTES: Final = 64 * MIB
MOST_PROCESSES: Final = 256

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


def usable_processors() -> int:
    """Those that this process may run on (`taskset`, a container's cpuset), where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
