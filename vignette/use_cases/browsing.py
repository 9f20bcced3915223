"""Browse: look up images that are not deleted, and read what their files say of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vignette import layout
from vignette.errors import FileNotStored, ImageDeleted
from vignette.limits import MAX_DESCRIPTION_BYTES
from vignette.model import Image, ImageId
from vignette.ports.catalogue import Library
from vignette.ports.store import Files
from vignette.records import metadata_from_json


@dataclass(frozen=True, slots=True)
class Page:
    """Some images, newest first; `has_more` tells whether there are older ones."""

    images: list[Image]
    has_more: bool


class Browsing:
    """The use case."""

    def __init__(self, files: Files, library: Library) -> None:
        self._files = files
        self._library = library

    def existing(self, image_id: ImageId) -> Image:
        """See the function `existing` of this module."""
        return existing(self._library, image_id)

    def newest(self, limit: int, before: ImageId | None = None) -> Page:
        """Return at most *limit* images with numbers below *before*, newest first."""
        # If one image more than asked for is found, there is another page.
        found = self._library.newest(limit + 1, before)
        return Page(found[:limit], has_more=len(found) > limit)

    def metadata(self, image: Image) -> dict[str, Any]:
        """
        Return what the file says of itself; if that is lost or damaged, return a warning in its place.

        So it does if it is longer than Vignette writes it, as in a backup of a stranger: to read that would take long.
        """
        try:
            with self._files.open(image.id, layout.METADATA_JSON) as file:
                content = file.read(MAX_DESCRIPTION_BYTES + 1)
            if len(content) > MAX_DESCRIPTION_BYTES:
                return {"warnings": [f"{layout.METADATA_JSON} is too long to be shown here"]}
            return metadata_from_json(content)
        except (FileNotStored, ValueError):
            return {"warnings": [f"{layout.METADATA_JSON} is missing from the folder, or damaged"]}

    def metadata_json(self, image: Image) -> bytes:
        """Return the metadata as kept for programs; raise `FileNotStored` if they are lost."""
        return self._files.read(image.id, layout.METADATA_JSON)

    def metadata_text(self, image: Image) -> bytes:
        """Return the metadata as kept for people; raise `FileNotStored` if they are lost."""
        return self._files.read(image.id, layout.METADATA_TEXT)


def existing(library: Library, image_id: ImageId) -> Image:
    """
    Return the image with this number.

    Raises:
        ImageNotFound: There never was one.
        ImageDeleted: It was deleted, or is being deleted.
    """
    return not_deleted(library.get(image_id))


def not_deleted(image: Image) -> Image:
    """Return *image*; raise `ImageDeleted` if it was deleted, or is being deleted."""
    if image.state.is_gone:
        raise ImageDeleted(f"image {image.id} was deleted")
    return image
