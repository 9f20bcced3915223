"""Answers that many views give."""

from __future__ import annotations

from flask import Response
from pydantic import BaseModel

from vignette.web.http.negotiation import JSON


def as_json(resource: BaseModel, status: int = 200) -> Response:
    return Response(resource.model_dump_json() + "\n", status, mimetype=JSON)
