"""Answers that many views give."""

from __future__ import annotations

from flask import Response
from pydantic import BaseModel

from vignette.web.http.negotiation import JSON


def no_content() -> Response:
    """Return 204 (RFC 9110, 15.3.5)."""
    response = Response(status=204)
    del response.headers["Content-Type"]  # Flask would call the empty content a page
    return response


def unstored(response: Response) -> Response:
    """Return *response*, which no cache may keep."""
    response.headers["Cache-Control"] = "no-store"
    return response


def as_json(resource: BaseModel, status: int = 200) -> Response:
    return Response(resource.model_dump_json() + "\n", status, mimetype=JSON)
