"""What is about the service as a whole: the front page, the limits, its health, its own documentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import Blueprint, Response, current_app, make_response, render_template

from vignette.errors import NotFound, QueueUnavailable, VignetteError
from vignette.limits import WORKER_SILENCE_S
from vignette.pixels.formats import ACCEPTED_FORMATS
from vignette.web.api.openapi import build_document
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources import (
    Check,
    FormatResource,
    Health,
    LimitsResource,
    Readiness,
    absolute_url,
    image_resource,
)
from vignette.web.context import web_context
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.http.problems import problem_types, status_of
from vignette.web.routes.images import as_json

service = Blueprint("service", __name__)

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


@service.get("/")
@operation("The front page", Answer(200, "What this is, how to use it, a form to upload, the newest images", HTML))
def home() -> str:
    newest = web_context().library.newest(_NEWEST_ON_FRONT_PAGE)
    return render_template(
        "index.html",
        limits=current_limits().model_dump(),
        images=[image_resource(image).model_dump() for image in newest],
        base_url=absolute_url("service.home").rstrip("/"),
    )


@service.get("/limits")
@operation("The limits in force", Answer(200, "The limits", JSON, LimitsResource))
def limits() -> Response:
    return as_json(current_limits())


@service.get("/healthz")
@operation("Is the process alive?", Answer(200, "It is", JSON, Health))
def healthz() -> Response:
    return as_json(Health())


@service.get("/readyz")
@operation(
    "Can an upload be taken now?",
    Answer(200, "It can: `ready`; or `degraded`, when its vignette has to wait", JSON, Readiness),
    Answer(503, "It cannot: the folder or the catalogue is `down`", JSON, Readiness),
)
def readyz() -> Response:
    context = web_context()
    checks = {
        "folder": _check(context.files.probe),
        "catalogue": _check(context.database.probe),
        "queue": _check(context.jobs.backlog),
        "worker": _check(_probe_worker),
    }
    down = {name for name, check in checks.items() if check.status == "down"}
    status: Final = "unavailable" if down & {"folder", "catalogue"} else "degraded" if down else "ready"
    response = as_json(Readiness(status=status, checks=checks), 503 if status == "unavailable" else 200)
    response.headers["Cache-Control"] = "no-store"
    return response


def _check(probe: Callable[[], object]) -> Check:
    try:
        probe()
    except VignetteError as error:
        return Check(status="down", detail=str(error))
    return Check(status="up")


def _probe_worker() -> None:
    silence = web_context().workers.seconds_since_beat()
    if silence is None:
        raise QueueUnavailable("no worker has ever been here")
    if silence > WORKER_SILENCE_S:
        raise QueueUnavailable(f"no worker has been heard of for {silence:.0f} seconds")


@service.get("/openapi.json")
@operation("This description of the service", Answer(200, "OpenAPI 3.1", JSON))
def openapi_json() -> Response:
    document = build_document(current_app, absolute_url("service.home").rstrip("/"))
    return make_response(document)


@service.get("/docs")
@operation("The same as a page", Answer(200, "A page that needs no other host", HTML))
def docs() -> str:
    return render_template("docs.html", spec=build_document(current_app, absolute_url("service.home").rstrip("/")))


@service.get("/problems")
@operation("What can go wrong", Answer(200, "A list of all types of problem", HTML))
def problems() -> str:
    kinds = [_described(kind) for kind in problem_types().values()]
    return render_template("problem_types.html", problem_types=sorted(kinds, key=lambda kind: kind["code"]))


@service.get("/problems/<code>")
@operation("One type of problem", Answer(200, "What it means and what to do", HTML), problems=[NotFound])
def problem_type(code: str) -> str:
    kind = problem_types().get(code)
    if kind is None:
        raise NotFound(f"there is no problem {code[:40]!r}")
    return render_template("problem_type.html", problem_type=_described(kind))


def _described(kind: type[VignetteError]) -> dict[str, str]:
    return {"code": kind.code, "title": kind.title, "status": str(status_of(kind))}
