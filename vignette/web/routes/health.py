"""Is the process alive, and can it take an upload?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import Blueprint, Response

from vignette.errors import QueueUnavailable, VignetteError
from vignette.limits import WORKER_SILENCE_S
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
