"""
The wall: pictures in rows of one height, by days.

The rows are laid out by the style sheet alone. A page may hold no inline style, so the shape of a picture is a class:
its ratio in twentieths, from 12 (0.6) to 60 (3). A picture is cropped by a third of a percent in the mean, and by 4 %
at most. What is longer than that, or smaller than its place, lies on a mat as a whole.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any, Final

from flask import url_for

from vignette.model import ImageRef
from vignette.pixels.geometry import fit
from vignette.recipes import Recipe
from vignette.web.pages.pictures import by_width, obtainable

_PARTS: Final = 20
_NARROWEST: Final = 12
_WIDEST: Final = 60
_WIDEST_IF_SMALL: Final = 30  # it would be an island in an empty row

# `--row` in wall.css, and how much higher a row becomes that is stretched to the width of the window, in the mean.
_ROW_REM: Final = (6.0, 10.5)
_ROW_VW: Final = 12.0
_STRETCHED: Final = 1.15

# The highest row, in pixels of the style sheet: what is lower than that is not enlarged.
_ROW_PX: Final = 168

_EAGER: Final = 12


@dataclass(frozen=True, slots=True)
class Picture:
    """The attributes of an `<img>`; `still` is the URL for readers who want no motion, "" if nothing moves."""

    src: str
    srcset: str = ""
    still: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """
    The place of an image on the wall. `shown` stands there now, and `to_come` later, if anything better is to come;
    `recipes` are the names of those that it waits for. Both are None of an image that has failed.
    """

    image: Mapping[str, Any]
    ref: ImageRef
    url: str
    ratio: int
    is_on_mat: bool
    is_clear: bool
    width: int
    height: int
    sizes: str
    is_lazy: bool
    shown: Picture | None
    to_come: Picture | None
    recipes: str


@dataclass(frozen=True, slots=True)
class Day:
    """The tiles of the images that were received on a `date`, in UTC; the newest of them at `last`."""

    date: date
    first: datetime
    last: datetime
    tiles: Sequence[Tile]


def days(images: Sequence[Mapping[str, Any]], recipes: Sequence[Recipe], *, by_number: bool) -> Iterator[Day]:
    """Yield the days of *images*, which are resources in the order of a list; URLs name them *by_number* or by name."""
    vignettes, pages = (url_for(endpoint, image_id=0)[:-1] for endpoint in ("vignettes.show", "images.show"))
    tiles = [
        _tile(image, image["id"] if by_number else image["public_name"], recipes, vignettes, pages, position)
        for position, image in enumerate(images)
    ]
    for day, group in groupby(tiles, key=lambda tile: _received(tile).date()):
        of_day = list(group)
        yield Day(day, _received(of_day[-1]), _received(of_day[0]), of_day)


def _received(tile: Tile) -> datetime:
    received: datetime = tile.image["received_at"]
    return received.astimezone(UTC)


def _tile(
    image: Mapping[str, Any], ref: ImageRef, recipes: Sequence[Recipe], vignettes: str, pages: str, position: int
) -> Tile:
    offered = obtainable(image, recipes)
    widths = {fit(image["width"], image["height"], offered[0])[0]: offered[0]}
    if image["frames"] == 1:  # a large picture that moves is megabytes
        widths = by_width(image["width"], image["height"], offered)
    width, height = fit(image["width"], image["height"], list(widths.values())[-1])
    shown, to_come = _pictures(image, f"{vignettes}{ref}", widths)
    parts = round(_PARTS * width / height)
    is_small = height < _ROW_PX
    ratio = min(max(parts, _NARROWEST), _WIDEST_IF_SMALL if is_small else _WIDEST)
    share = ratio / _PARTS * _STRETCHED
    least, most = _ROW_REM
    return Tile(
        image=image,
        ref=ref,
        url=f"{pages}{ref}",
        ratio=ratio,
        is_on_mat=parts != ratio or is_small,
        is_clear=_has_alpha(image["placeholder"]),
        width=width,
        height=height,
        sizes=f"clamp({least * share:.3g}rem, {_ROW_VW * share:.3g}vw, {most * share:.3g}rem)",
        is_lazy=position >= _EAGER,
        shown=shown,
        to_come=to_come,
        recipes=" ".join(recipe.name for recipe in widths.values()),
    )


def _has_alpha(placeholder: Mapping[str, str] | None) -> bool:
    """Whether a picture is transparent anywhere, as its ThumbHash tells."""
    return placeholder is not None and b64decode(placeholder["thumbhash"])[2] >> 7 == 1


def _pictures(
    image: Mapping[str, Any], url: str, widths: Mapping[int, Recipe]
) -> tuple[Picture | None, Picture | None]:
    """Return what is shown now, and what later."""
    if image["state"] == "failed":
        return None, None
    moves = image["frames"] > 1
    there, pending = image["links"]["vignettes"], image["renditions_pending"]
    whole = _picture(url, widths, moves=moves)
    if image["state"] != "ready":
        # Without `v` this is another URL than that of the vignette, which a browser would otherwise not ask for again.
        return Picture(f"{url}?size={next(iter(widths.values())).name}"), whole
    if not any(recipe.name in pending for recipe in widths.values()):
        return whole, None
    present = {width: recipe for width, recipe in widths.items() if recipe.name in there}
    if moves or not present:
        first = next(iter(present.values()), None) or next(iter(widths.values()))
        return Picture(f"{_address(url, first)}&still=1"), whole
    return _picture(url, present, moves=False), whole


def _picture(url: str, widths: Mapping[int, Recipe], *, moves: bool) -> Picture:
    src = _address(url, next(iter(widths.values())))
    if moves:
        return Picture(src, still=f"{src}&still=1")
    several = widths if len(widths) > 1 else {}
    return Picture(src, ", ".join(f"{_address(url, recipe)} {width}w" for width, recipe in several.items()))


def _address(url: str, recipe: Recipe) -> str:
    """Return the URL that is cached for ever: neither the name nor the digest of a recipe has anything to quote."""
    return f"{url}?size={recipe.name}&v={recipe.digest}"
