"""An image that a view was asked for, or why there is none."""

from __future__ import annotations

from vignette.errors import (
    ImageDeleted,
)
from vignette.model import Image, ImageId
from vignette.ports.catalogue import Library


def existing(library: Library, image_id: int) -> Image:
    """The image of this number; `ImageNotFound` or `ImageDeleted` otherwise."""
    image = library.get(ImageId(image_id))
    if image.state.is_gone:
        raise ImageDeleted(f"image {image_id} was deleted")
    return image
