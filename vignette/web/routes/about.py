"""The front page, and the limits in force."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, render_template

from vignette.access.actors import Scope
from vignette.errors import CatalogueUnavailable
from vignette.pixels.formats import ACCEPTED_FORMATS
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources import (
    FormatResource,
    LimitsResource,
    absolute_url,
    image_resource,
)
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import page_or_json
from vignette.web.http.negotiation import HTML, JSON

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


@about.get("/add")
@operation(
    "The form that uploads images, for a page without JavaScript", Answer(200, "The form", HTML), scope=Scope.UPLOAD
)
def add() -> str:
    return render_template("add.html", limits=current_limits().model_dump())


@about.get("/limits")
@operation(
    "The limits in force",
    Answer(200, "The limits", JSON, LimitsResource, headers=("Cache-Control", "Vary")),
    Answer(200, "", HTML),
    scope=None,
)
def limits() -> Response:
    found = current_limits()
    return page_or_json(lambda: render_template("limits.html", limits=found.model_dump()), lambda: found)
