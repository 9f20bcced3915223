"""Is the process alive, and can it take an upload?"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response

from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources import (
    Check,
    Health,
    Readiness,
)
from vignette.web.context import web_context
from vignette.web.http.answers import as_json
from vignette.web.http.negotiation import JSON

health = Blueprint("health", __name__)


@health.get("/healthz")
@operation("Is the process alive?", Answer(200, "It is", JSON, Health))
def healthz() -> Response:
    return as_json(Health())


@health.get("/readyz")
@operation(
    "Can an upload be taken now?",
    Answer(200, "It can: `ready`; or `degraded`, when its vignette has to wait", JSON, Readiness),
    Answer(503, "It cannot: the folder or the catalogue is `down`", JSON, Readiness),
)
def readyz() -> Response:
    faults = web_context().readiness.check()
    checks = {name: Check(status="down" if fault else "up", detail=fault) for name, fault in faults.items()}
    down = {name for name, check in checks.items() if check.status == "down"}
    status: Final = "unavailable" if down & {"folder", "catalogue"} else "degraded" if down else "ready"
    response = as_json(Readiness(status=status, checks=checks), 503 if status == "unavailable" else 200)
    response.headers["Cache-Control"] = "no-store"
    return response
