"""The front page, and the limits in force."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from vignette.access.actors import Scope
from vignette.errors import CatalogueUnavailable
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources import LimitsResource, current_limits
from vignette.web.http.answers import page_or_json
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.routes.images import WALL_SIZE, newest, wall_page

about = Blueprint("about", __name__)


@about.get("/")
@operation(
    "The front page",
    Answer(200, "The newest images; if there are none, what this is, and a form to upload", HTML),
    scope=Scope.READ,
    problems=[CatalogueUnavailable],
)
def home() -> str:
    return wall_page(newest(WALL_SIZE, counted=True))


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
