"""The service describes its own API: OpenAPI, the same as a page, and what can go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, Response, current_app, render_template, request
from flask_babel import get_locale
from markupsafe import escape

from vignette.access.actors import NOBODY, Scope
from vignette.errors import NotFound, VignetteError
from vignette.web.api.openapi import build_document
from vignette.web.api.operations import Answer, operation
from vignette.web.api.urls import absolute_url
from vignette.web.context import current_actor, web_context
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.http.problems import problem_types, status_of

docs = Blueprint("docs", __name__)


# Stands for the URL of the service in what is kept: clients name the host, and may name another port each time.
_SERVER: Final = "https://vignette.invalid"

_EXTENSION: Final = "vignette.docs"

# Some servers take SCRIPT_NAME from a header of the client (gunicorn, from the addresses of `forwarded_allow_ips`), and
# each one has faces of its own.
_MOST_KEPT: Final = 8


@docs.get("/openapi.json")
@operation("This description of the service", Answer(200, "OpenAPI 3.1", JSON, headers=("Vary",)), scope=None)
def openapi_json() -> Response:
    text = _kept("json", lambda: current_app.json.dumps(_document()))
    return Response(text.replace(_SERVER, json.dumps(_server_url())[1:-1]) + "\n", mimetype=JSON)


@docs.get("/docs")
@operation("The same as a page", Answer(200, "A page that needs no other host", HTML), scope=None)
def page() -> str:
    text = _kept(
        f"{get_locale()} {current_actor() == NOBODY} {_may_upload()}",
        lambda: render_template("docs.html", spec=_document()),
    )
    return text.replace(_SERVER, escape(_server_url()))


def _may_upload() -> bool:
    return web_context().policy.why_not(current_actor(), Scope.UPLOAD) is None


def _document() -> dict[str, Any]:
    context = web_context()
    return build_document(current_app, _SERVER, context.policy, is_rated=context.rating is not None)


def _server_url() -> str:
    return absolute_url("about.home").rstrip("/")


def _kept(face: str, make: Callable[[], str]) -> str:
    """Return what *make* returned when *face* was asked for first: to make it takes as long as some ten other pages."""
    kept: dict[tuple[str, str], str] = current_app.extensions.setdefault(_EXTENSION, {})
    key = (face, request.script_root)
    text = kept.get(key)
    if text is None:
        if len(kept) >= _MOST_KEPT:
            kept.clear()
        text = kept[key] = make()
    return text


@docs.get("/problems")
@operation("What can go wrong", Answer(200, "A list of all types of problem", HTML), scope=None)
def problems() -> str:
    kinds = [_described(kind) for kind in problem_types().values()]
    return render_template("problem_types.html", problem_types=sorted(kinds, key=lambda kind: kind["code"]))


@docs.get("/problems/<code>")
@operation("One type of problem", Answer(200, "What it means and what to do", HTML), scope=None, problems=[NotFound])
def problem_type(code: str) -> str:
    kind = problem_types().get(code)
    if kind is None:
        raise NotFound(f"there is no problem {code[:40]!r}")
    return render_template("problem_type.html", problem_type=_described(kind))


def _described(kind: type[VignetteError]) -> dict[str, str]:
    return {"code": kind.code, "title": kind.title, "status": str(status_of(kind))}
