"""
The names of the files in an image's folder, and in that of the service. Only the store touches the folder itself.

    original.jpg  record.json  metadata.txt  metadata.json  outcome.json
    edits.json  (what was said of it after it came, if anything)
    review.json  (why it is or was in quarantine, and what was decided, if it ever was)
    public.json  (how to put the public copy together, if anybody has asked for it)
    clean.json  clean.jpg  (the public copy of a format that has to be written anew, likewise; or clean.webp)
    zoom.json  zoom.jpg  (2560 pixels for viewers, likewise; or zoom.webp)
    vignette-small-256x256-inside-q80-e3c09555.webp
    vignette-small-256x256-inside-q80-e3c09555-moving.webp  (beside the still one, if the picture moves)
    deleted.json  (the only file of a deleted image)

Beside the folders of the images, `.service` holds what the service itself has to find again in a copy: `keys.json`,
`tickets.json`, `signing-keys.json` with the secrets by which links are signed, and `secret`, of which other tokens are
made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final, get_args

from vignette.limits import KIB, MIB
from vignette.model import ImageFacts
from vignette.recipes import Recipe, VignetteFormat

RECORD: Final = "record.json"
METADATA_TEXT: Final = "metadata.txt"
METADATA_JSON: Final = "metadata.json"
EDITS: Final = "edits.json"
REVIEW: Final = "review.json"
OUTCOME: Final = "outcome.json"
PUBLIC_COPY: Final = "public.json"
TOMBSTONE: Final = "deleted.json"

# What is written anew when somebody asks for it: a note of what it is, and the picture.
CLEAN: Final = "clean"
ZOOM: Final = "zoom"

# No number begins with a dot, so nothing in here is ever taken for an image.
SERVICE: Final = ".service"
KEYS: Final = "keys.json"
SIGNING_KEYS: Final = "signing-keys.json"
SECRET: Final = "secret"  # noqa: S105 (the name of its file)
TICKETS: Final = "tickets.json"

# A folder may come from elsewhere, as a backup: no file is read at once that is longer than any of ours can be. An
# outcome names each vignette of each recipe, metadata have limits of their own, and a vignette has at most 8192 × 8192
# pixels.
_MOST_BYTES: Final = {
    RECORD: MIB,
    EDITS: MIB,
    REVIEW: MIB,
    OUTCOME: 4 * MIB,
    TOMBSTONE: KIB,
    METADATA_TEXT: 16 * MIB,
    METADATA_JSON: 16 * MIB,
    # `limits.MAX_KEYS` keys with the longest names, the most networks and the most origins take two thirds of that.
    KEYS: 96 * MIB,
    SIGNING_KEYS: MIB,
    SECRET: KIB,
    # `limits.MAX_TICKETS` tickets with the longest labels and the most origins take less than that.
    TICKETS: 64 * MIB,
}
_MOST_BYTES_OF_OTHERS: Final = 256 * MIB

_VIGNETTE: Final = "vignette-"
_VIGNETTE_NAME: Final = re.compile(r"vignette-[a-z0-9_-]{1,200}\.(?:webp|jpg|avif)", re.ASCII)

_MOVING: Final = "-moving"

_EXTENSIONS: Final[dict[VignetteFormat, str]] = {"webp": "webp", "jpeg": "jpg", "avif": "avif"}

MADE_ON_DEMAND: Final = frozenset(
    {
        PUBLIC_COPY,
        *(f"{kind}.json" for kind in (CLEAN, ZOOM)),
        *(f"{kind}.{_EXTENSIONS[file_format]}" for kind in (CLEAN, ZOOM) for file_format in get_args(VignetteFormat)),
    }
)
"""The names of all files that are made when somebody asks for them. Each can be made again from the original."""


def note_of(kind: str) -> str:
    """Name what is noted of a picture of this *kind* (`CLEAN`, `ZOOM`)."""
    return f"{kind}.json"


def written_anew(kind: str, file_format: VignetteFormat) -> str:
    """Name the picture of this *kind* (`CLEAN`, `ZOOM`)."""
    return f"{kind}.{_EXTENSIONS[file_format]}"


def original(facts: ImageFacts) -> str:
    """Name the original. Its extension is that of the format found in the bytes, never that of the name as sent."""
    return f"original.{facts.extension}"


def vignette(recipe: Recipe, file_format: VignetteFormat, *, moves: bool = False) -> str:
    """Name a vignette by its whole recipe, so that no vignette of an old recipe passes for one of a changed recipe."""
    fit = recipe.fit if recipe.fit == "inside" else f"{recipe.fit}-{recipe.crop}"
    box = f"{recipe.width}x{recipe.height}"
    stem = f"{_VIGNETTE}{recipe.name}-{box}-{fit}-q{recipe.quality}-{recipe.digest}"
    return f"{stem}{_MOVING if moves else ''}.{_EXTENSIONS[file_format]}"


def vignettes(recipes: Iterable[Recipe]) -> frozenset[str]:
    """Name the still vignettes that *recipes* make of each image. A picture that moves may have moving ones too."""
    return frozenset(vignette(recipe, file_format) for recipe in recipes for file_format in recipe.formats)


def moving_vignettes(recipes: Iterable[Recipe]) -> frozenset[str]:
    """Name the moving vignettes that *recipes* make of a picture that moves, unless they cost too much."""
    return frozenset(vignette(recipe, "webp", moves=True) for recipe in recipes if recipe.moves)


def sizes(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the recipes of which there are stills among the vignettes with these *names*."""
    return tuple(sorted({name.split("-")[1] for name in _stills(names)}))


def is_vignette(name: str) -> bool:
    """Whether *name* is the name of a vignette, made by any recipe of today or of the past."""
    return _VIGNETTE_NAME.fullmatch(name) is not None


def is_file_name(name: str) -> bool:
    """Whether *name* names a file of one folder, and leads nowhere else."""
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def most_bytes(name: str) -> int:
    """Return how many bytes a file called *name* has at most if Vignette wrote it; an original may have more."""
    return _MOST_BYTES.get(name, _MOST_BYTES_OF_OTHERS)


def vignettes_named(name: str, names: Iterable[str], *, moves: bool = False) -> dict[VignetteFormat, str]:
    """
    Return, by format, those of *names* that a recipe called *name* made, whatever else the recipe said.

    They are stills. With *moves*, a moving vignette takes the place of the still one of its format.
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
    Return sixteen hexadecimal digits that identify a set of vignettes by its *names*.

    Only the stills count: whether there are moving ones beside them depends on the picture.
    """
    return hashlib.sha256("\n".join(sorted(_stills(names))).encode()).hexdigest()[:16]


def _stills(names: Iterable[str]) -> list[str]:
    return [name for name in names if not name.rpartition(".")[0].endswith(_MOVING)]
