"""Images in lists: pages of the catalogue, the neighbours of an image, images that look like one."""

from __future__ import annotations

from pydantic import Field

from vignette.model import Image
from vignette.web.api.resources.base import Resource
from vignette.web.api.resources.images import ImageResource, image_fields


class CataloguePage(Resource):
    """Images, newest first; `next` is the URL of the page after this one, or null on the last."""

    images: list[ImageResource]
    next: str | None


class NeighboursResource(Resource):
    """The images next to one in a list that begins with the newest; the nearest comes first in both."""

    newer: list[ImageResource]
    older: list[ImageResource]


class AlikeResource(ImageResource):
    """An image that looks like another one."""

    distance: int = Field(description="In how many of 256 bits their perceptual hashes (PDQ) differ: 0 to 31")


class AlikePage(Resource):
    """Images that look like the one that was asked for, the nearest first."""

    images: list[AlikeResource]


def alike_resource(image: Image, distance: int) -> AlikeResource:
    return AlikeResource(**image_fields(image), distance=distance)
