"""Chooses the vignettes of a page: all have URLs that are cached for ever, and the browser takes the best of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import url_for

from vignette.model import ImageRef
from vignette.pixels.geometry import fit
from vignette.recipes import Recipe
from vignette.web.linked import current_link, vignette_on_page


def vignette_url(ref: ImageRef, recipe: Recipe, *, still: bool = False) -> str:
    """
    Return the URL of the vignette that *recipe* makes; of a picture that moves, of the *still* one if asked. It is a
    signed link on the page of one.
    """
    if (link := current_link()) is not None:
        return vignette_on_page(link, recipe, still=still)
    return url_for("vignettes.show", image_id=ref, size=recipe.name, v=recipe.digest, still="1" if still else None)


def obtainable(image: Mapping[str, Any], recipes: Sequence[Recipe]) -> Sequence[Recipe]:
    """
    Return those of *recipes* of which the *image*, a resource, has a vignette or one is still to come. If there are
    none, the first of *recipes* is returned.
    """
    urls = {**image["renditions_pending"], **image["links"]["vignettes"]}
    return [recipe for recipe in recipes if recipe.name in urls] or recipes[:1]


def by_width(width: int, height: int, recipes: Sequence[Recipe]) -> dict[int, Recipe]:
    """
    Return the recipes that show the whole of a *width* × *height* picture, by the width of their vignette in pixels.

    The narrowest comes first, and each width occurs once. If all recipes cut something off, only the first of *recipes*
    is returned, the one that lists show.
    """
    whole = [recipe for recipe in recipes if recipe.fit == "inside"] or recipes[:1]
    widths: dict[int, Recipe] = {}
    for recipe in whole:
        widths.setdefault(fit(width, height, recipe)[0], recipe)
    return dict(sorted(widths.items()))


def by_size(width: int, height: int, recipes: Sequence[Recipe]) -> dict[tuple[int, int], Recipe]:
    """
    Return *recipes* by the width and height of their vignette of a *width* × *height* picture, in pixels: for each size
    the first that makes it.
    """
    sizes: dict[tuple[int, int], Recipe] = {}
    for recipe in recipes:
        sizes.setdefault(fit(width, height, recipe), recipe)
    return sizes


def made(image: Mapping[str, Any], widths: Mapping[int, Recipe]) -> dict[int, Recipe]:
    """Return those of *widths* of which the *image*, a resource, has the vignette; all of them if it has none."""
    there = {width: recipe for width, recipe in widths.items() if recipe.name in image["links"]["vignettes"]}
    return there or dict(widths)
