"""The service describes its own API: OpenAPI, the same as a page, and what can go wrong."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, make_response, render_template

from vignette.errors import NotFound, VignetteError
from vignette.web.api.openapi import build_document
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources import (
    absolute_url,
)
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.http.problems import problem_types, status_of

docs = Blueprint("docs", __name__)


@docs.get("/openapi.json")
@operation("This description of the service", Answer(200, "OpenAPI 3.1", JSON))
def openapi_json() -> Response:
    document = build_document(current_app, absolute_url("about.home").rstrip("/"))
    return make_response(document)


@docs.get("/docs")
@operation("The same as a page", Answer(200, "A page that needs no other host", HTML))
def page() -> str:
    return render_template("docs.html", spec=build_document(current_app, absolute_url("about.home").rstrip("/")))


@docs.get("/problems")
@operation("What can go wrong", Answer(200, "A list of all types of problem", HTML))
def problems() -> str:
    kinds = [_described(kind) for kind in problem_types().values()]
    return render_template("problem_types.html", problem_types=sorted(kinds, key=lambda kind: kind["code"]))


@docs.get("/problems/<code>")
@operation("One type of problem", Answer(200, "What it means and what to do", HTML), problems=[NotFound])
def problem_type(code: str) -> str:
    kind = problem_types().get(code)
    if kind is None:
        raise NotFound(f"there is no problem {code[:40]!r}")
    return render_template("problem_type.html", problem_type=_described(kind))


def _described(kind: type[VignetteError]) -> dict[str, str]:
    return {"code": kind.code, "title": kind.title, "status": str(status_of(kind))}
