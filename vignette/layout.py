"""
Where the files of an image lie in its folder. Pure names; the folder itself is the store's affair.

    original.jpg  record.json  metadata.txt  metadata.json  outcome.json
    vignette-small-256x256-inside-q80-e3c09555.webp
    vignette-small-256x256-inside-q80-e3c09555-moving.webp  (beside the still one, of a picture that moves)
    deleted.json  (only this one, once the image is deleted)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from vignette.model import ImageFacts
from vignette.recipes import Recipe, VignetteFormat

RECORD: Final = "record.json"
METADATA_TEXT: Final = "metadata.txt"
METADATA_JSON: Final = "metadata.json"
OUTCOME: Final = "outcome.json"
TOMBSTONE: Final = "deleted.json"

_VIGNETTE: Final = "vignette-"

_MOVING: Final = "-moving"

_EXTENSIONS: Final[dict[VignetteFormat, str]] = {"webp": "webp", "jpeg": "jpg", "avif": "avif"}


def original(facts: ImageFacts) -> str:
    """The name of the original: the extension is of the format found in the bytes, never of the name sent."""
    return f"original.{facts.extension}"


def vignette(recipe: Recipe, file_format: VignetteFormat, *, moves: bool = False) -> str:
    """The name of a vignette says its whole recipe, so that a changed recipe never passes for the old one."""
    fit = recipe.fit if recipe.fit == "inside" else f"{recipe.fit}-{recipe.crop}"
    box = f"{recipe.width}x{recipe.height}"
    stem = f"{_VIGNETTE}{recipe.name}-{box}-{fit}-q{recipe.quality}-{recipe.digest}"
    return f"{stem}{_MOVING if moves else ''}.{_EXTENSIONS[file_format]}"


def vignettes(recipes: Iterable[Recipe]) -> frozenset[str]:
    """The names of the vignettes that *recipes* make of every image; of one that moves, there may be others beside."""
    return frozenset(vignette(recipe, file_format) for recipe in recipes for file_format in recipe.formats)


def is_vignette(name: str) -> bool:
    """Whether *name* is that of a vignette, of any recipe there ever was."""
    return name.startswith(_VIGNETTE)


def vignettes_named(name: str, names: Iterable[str], *, moves: bool = False) -> dict[VignetteFormat, str]:
    """
    Those of *names* that a recipe of this *name* made, whatever it said otherwise, by format. They are stills; if what
    *moves* is wanted, that comes in the place of a still one.
    """
    ours = [stored for stored in names if stored.startswith(f"{_VIGNETTE}{name}-")]
    stills = _stills(ours)
    moving = [stored for stored in ours if stored not in stills] if moves else []
    return {
        file_format: stored
        for stored in stills + moving
        for file_format, extension in _EXTENSIONS.items()
        if stored.endswith(f".{extension}")
    }


def recipe_set(names: Iterable[str]) -> str:
    """
    Sixteen hexadecimal digits that tell sets of vignettes apart, by the *names* of the stills: whether there are moving
    ones beside them depends on the picture.
    """
    return hashlib.sha256("\n".join(sorted(_stills(names))).encode()).hexdigest()[:16]


def _stills(names: Iterable[str]) -> list[str]:
    return [name for name in names if not name.rpartition(".")[0].endswith(_MOVING)]
