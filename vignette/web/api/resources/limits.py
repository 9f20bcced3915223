"""The limits in force, and what who asks has left."""

from __future__ import annotations

from pydantic import Field

from vignette.pixels.formats import ACCEPTED_FORMATS
from vignette.web.api.resources.base import Resource
from vignette.web.api.resources.keys import QuotaResource
from vignette.web.context import web_context


class FormatResource(Resource):
    name: str
    media_type: str
    extension: str


class RateResource(Resource):
    """
    What who asks may spend in a time, and what is left of it. An ordinary request takes one unit, which is 5 ms of
    processor time; what costs more takes more.
    """

    policy: str = Field(
        description="As in `RateLimit-Policy`. `address`: of your address. `key`: of the key. `requests`: of your"
        " address, by number alone, in each process of the service by itself",
        examples=["address"],
    )
    units: int
    window_s: int
    left: int | None = Field(description="What is left of the units; null: it is not known to all processes")
    reset_s: int | None = Field(description="For so many seconds that is all; then more comes back")


class QuotaStandingResource(QuotaResource):
    """The quota of the key that was shown, and what it has: its images, their bytes with vignettes, those of today."""

    used_images: int
    used_bytes: int
    used_images_today: int


class LimitsResource(Resource):
    """The limits in force, and what who asks has left."""

    max_upload_bytes: int
    max_request_bytes: int
    max_files_per_request: int
    max_pixels: int = Field(description="Width times height of a frame")
    max_frames: int
    max_render_memory_bytes: int = Field(description="What rendering a picture may take of memory")
    formats: list[FormatResource]
    vignettes: list[str] = Field(description="The sizes that `GET /vignette/<id>?size=` knows, the default one first")
    rates: list[RateResource] = Field(default=[], description="Those of who asks; none: as much as anybody likes")
    quota: QuotaStandingResource | None = Field(default=None, description="null: no key was shown")
    max_uploads_at_once: int | None = Field(
        default=None, description="Of the key that was shown, in each process of the service; null: any number"
    )


def current_limits() -> LimitsResource:
    context = web_context()
    intake, requests = context.intake.limits, context.request_limits
    return LimitsResource(
        max_upload_bytes=intake.max_bytes,
        max_request_bytes=requests.max_bytes,
        max_files_per_request=requests.max_files,
        max_pixels=intake.max_pixels,
        max_frames=intake.max_frames,
        max_render_memory_bytes=intake.max_memory_bytes,
        formats=[FormatResource(name=f.name, media_type=f.media_type, extension=f.extension) for f in ACCEPTED_FORMATS],
        vignettes=[recipe.name for recipe in context.recipes],
    )
