"""What became of the files of an upload."""

from __future__ import annotations

from pydantic import Field

from vignette.model import Image
from vignette.web.api.resources.base import Resource
from vignette.web.api.resources.images import ImageResource, image_fields
from vignette.web.context import current_actor, web_context
from vignette.web.http.problems import Problem


class UploadedImage(ImageResource):
    """An image that has just come."""

    delete_token: str | None = Field(
        description="Told to whoever sent the image without a key, here alone: `DELETE` with it deletes the image,"
        " whatever else its bearer may do. Null for whoever showed a key",
        examples=["vd_…"],
    )


class UploadResult(Resource):
    """What became of one file of a request: `image` if it was kept, else `problem`."""

    name: str | None
    status: int
    image: UploadedImage | None = None
    problem: Problem | None = None


class UploadResults(Resource):
    results: list[UploadResult]


def uploaded_image(image: Image) -> UploadedImage:
    return UploadedImage(
        **image_fields(image), delete_token=web_context().taking_back.token_for(current_actor(), image)
    )
