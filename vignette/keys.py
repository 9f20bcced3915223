"""
Where the files of an image lie in its folder. Pure names; the folder itself is the store's affair.

    original.jpg  record.json  metadata.txt  metadata.json  vignette-small-256x256-inside-q80.webp  outcome.json
    deleted.json  (only this one, once the image is deleted)
"""

from __future__ import annotations

from typing import Final

from vignette.model import ImageFacts, Recipe, VignetteFormat

RECORD: Final = "record.json"
METADATA_TEXT: Final = "metadata.txt"
METADATA_JSON: Final = "metadata.json"
OUTCOME: Final = "outcome.json"
TOMBSTONE: Final = "deleted.json"

_EXTENSIONS: Final[dict[VignetteFormat, str]] = {"webp": "webp", "jpeg": "jpg", "avif": "avif"}


def original(facts: ImageFacts) -> str:
    """The name of the original: the extension is of the format found in the bytes, never of the name sent."""
    return f"original.{facts.extension}"


def vignette(recipe: Recipe, file_format: VignetteFormat) -> str:
    """The name of a vignette says its whole recipe, so that a changed recipe never passes for the old one."""
    return f"vignette-{recipe.name}-{recipe.width}x{recipe.height}-inside-q{recipe.quality}.{_EXTENSIONS[file_format]}"
