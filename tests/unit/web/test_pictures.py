"""Which vignettes of an image a page offers."""

from __future__ import annotations

from vignette.recipes import Recipe
from vignette.web.pages.pictures import by_size

SMALL, MEDIUM, LARGE = (Recipe(name, edge, edge) for name, edge in (("small", 256), ("medium", 640), ("large", 1600)))
SQUARE = Recipe("square", 256, 256, fit="cover")


def test_each_size_is_offered_once_by_the_first_recipe_that_makes_it() -> None:
    recipes = [SMALL, MEDIUM, LARGE, SQUARE]

    assert by_size(2048, 1024, recipes) == {
        (256, 128): SMALL,
        (640, 320): MEDIUM,
        (1600, 800): LARGE,
        (256, 256): SQUARE,
    }
    assert by_size(512, 256, recipes) == {(256, 128): SMALL, (512, 256): MEDIUM, (256, 256): SQUARE}
