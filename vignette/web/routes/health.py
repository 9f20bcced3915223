"""Is the process alive, and can it take an upload?"""

from __future__ import annotations

from flask import Blueprint, Response

from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources.health import Alive, Check, Readiness, Sandbox
from vignette.web.context import web_context
from vignette.web.http.answers import as_json
from vignette.web.http.negotiation import JSON

health = Blueprint("health", __name__)


@health.get("/healthz")
@operation("Is the process alive?", Answer(200, "It is", JSON, Alive), scope=None)
def healthz() -> Response:
    return as_json(Alive())


@health.get("/readyz")
@operation(
    "Can an upload be taken now?",
    Answer(200, "It can: `ready`; or `degraded`, when its vignette has to wait", JSON, Readiness, ("Cache-Control",)),
    Answer(503, "It cannot: the folder or the catalogue is `down`", JSON, Readiness, ("Cache-Control",)),
    scope=None,
)
def readyz() -> Response:
    """The answer holds for a second."""
    context = web_context()
    report = context.health.report()
    checks = {
        name: Check(status="up" if part.is_up else "down", detail=part.trouble) for name, part in report.parts.items()
    }
    sandbox = Sandbox(landlock=context.sandbox.landlock_version, seccomp=context.sandbox.seccomp)
    response = as_json(
        Readiness(status=report.readiness, checks=checks, sandbox=sandbox),
        503 if report.readiness == "unavailable" else 200,
    )
    response.headers["Cache-Control"] = "no-store"
    return response
