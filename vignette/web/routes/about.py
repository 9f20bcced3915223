"""The front page, and the limits in force."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, Final

from flask import Blueprint, Response, render_template

from vignette.access.actors import Scope
from vignette.errors import CatalogueUnavailable
from vignette.pixels.formats import ACCEPTED_FORMATS
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources import (
    FormatResource,
    LimitsResource,
    QuotaStandingResource,
    RateResource,
    absolute_url,
    image_resource,
)
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, unstored
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.rates import standings

about = Blueprint("about", __name__)

_NEWEST_ON_FRONT_PAGE: Final = 24


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


@about.get("/")
@operation(
    "The front page",
    Answer(200, "What this is, how to use it, a form to upload, the newest images", HTML),
    scope=Scope.READ,
    problems=[CatalogueUnavailable],
)
def home() -> str:
    newest = web_context().browsing.newest(current_actor(), _NEWEST_ON_FRONT_PAGE).images
    return render_template(
        "index.html",
        limits=current_limits().model_dump(),
        images=[image_resource(image).model_dump() for image in newest],
        base_url=absolute_url("about.home").rstrip("/"),
    )


@about.get("/limits")
@operation(
    "The limits in force, and what who asks has left",
    Answer(200, "The limits", JSON, LimitsResource, ("Cache-Control",)),
    scope=None,
    problems=[CatalogueUnavailable],
)
def limits() -> Response:
    return unstored(as_json(current_limits().model_copy(update=_left())))


def _left() -> dict[str, Any]:
    """Return what of the limits differs between those who ask."""
    context, actor = web_context(), current_actor()
    rates = [
        RateResource(
            policy=standing.rate.name,
            units=standing.rate.units,
            window_s=standing.rate.window_s,
            left=standing.left,
            reset_s=math.ceil(standing.reset_s),
        )
        for standing in standings()
    ]
    if (rate := context.rate_of_requests) is not None:
        rates.append(RateResource(policy=rate.name, units=rate.units, window_s=rate.window_s, left=None, reset_s=None))
    if actor.key_id is None:
        return {"rates": rates}
    quota, usage = context.allowances.standing(actor)
    return {
        "rates": rates,
        "quota": QuotaStandingResource(
            **asdict(quota), used_images=usage.images, used_bytes=usage.bytes, used_images_today=usage.images_today
        ),
        "max_uploads_at_once": context.capacity.uploads_of_key.count or None,
    }
