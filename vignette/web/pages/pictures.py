"""Which vignettes a page shows: at the URLs that are cached for ever, the best of them chosen by the browser."""

from __future__ import annotations

from collections.abc import Sequence

from flask import url_for

from vignette.pixels.geometry import fit
from vignette.recipes import Recipe


def vignette_url(image_id: int, recipe: Recipe, *, still: bool = False) -> str:
    """Where the vignette of this recipe is, as it is made now; of a picture that moves, the one that is *still*."""
    return url_for("vignettes.show", image_id=image_id, size=recipe.name, v=recipe.digest, still="1" if still else None)


def by_width(width: int, height: int, recipes: Sequence[Recipe]) -> dict[int, Recipe]:
    """
    Those of *recipes* that show a *width* × *height* picture as a whole, by the width in pixels that it has then, the
    narrowest first, and each width once. Where all of them cut something off, the first, as it is shown in lists.
    """
    whole = [recipe for recipe in recipes if recipe.fit == "inside"] or recipes[:1]
    widths: dict[int, Recipe] = {}
    for recipe in whole:
        widths.setdefault(fit(width, height, recipe)[0], recipe)
    return dict(sorted(widths.items()))
