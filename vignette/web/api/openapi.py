"""
The OpenAPI 3.1 document, made from the routes, what the views say of themselves, and the types that they answer with.

The frameworks that make it (APIFlask, flask-openapi) tie a view to one JSON answer; ours have several faces each,
chosen by `Accept`. Pydantic makes the schemas; what is left to do is short.
"""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, Final

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from vignette import __version__
from vignette.errors import VignetteError
from vignette.web.api.operations import Operation, Parameter, operation_of
from vignette.web.http.negotiation import PROBLEM
from vignette.web.http.problems import Problem, status_of, type_uri

_METHODS: Final = ("get", "post", "put", "delete")

_PATH_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "image_id": {"type": "integer", "minimum": 0, "description": "The number of the image"},
    "code": {"type": "string", "description": "The code of the problem"},
}


def build_document(app: Flask, server_url: str) -> dict[str, Any]:
    """The description of *app* as clients reach it at *server_url*."""
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    models: set[type[BaseModel]] = {Problem}
    for rule, method, operation in _operations(app):
        models.update(answer.model for answer in operation.answers if answer.model)
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        description = inspect.getdoc(app.view_functions[rule.endpoint])
        paths[path][method] = _operation_object(rule, operation, description, server_url)
    _, schemas = models_json_schema(
        [(model, "serialization") for model in sorted(models, key=lambda model: model.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vignette",
            "version": __version__,
            "summary": "A self-hosted image intake service.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": server_url}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": schemas["$defs"]},
    }


def _operations(app: Flask) -> Iterator[tuple[Rule, str, Operation]]:
    for rule in app.url_map.iter_rules():
        operation = operation_of(app.view_functions[rule.endpoint])
        if operation is not None:
            for method in _METHODS:
                if method.upper() in (rule.methods or ()):
                    yield rule, method, operation


def _operation_object(rule: Rule, operation: Operation, description: str | None, server_url: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": operation.summary,
        "responses": _responses(operation),
    }
    if description:
        described["description"] = description
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _PATH_SCHEMAS[name]} for name in sorted(rule.arguments)
    ]
    parameters += [_parameter_object(parameter) for parameter in operation.parameters]
    if parameters:
        described["parameters"] = parameters
    if operation.bodies:
        content = {media_type: {"schema": schema} for media_type, schema in operation.bodies.items()}
        described["requestBody"] = {"required": True, "content": content}
    if operation.curl:
        described["x-curl"] = "curl " + operation.curl.format(server=server_url)
    return described


def _parameter_object(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.meaning,
        "schema": parameter.schema,
    }


def _responses(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for answer in operation.answers:
        response = responses.setdefault(str(answer.status), {"description": answer.meaning})
        if answer.headers:
            response["headers"] = {name: {"schema": {"type": "string"}} for name in answer.headers}
        if answer.media_type:
            response.setdefault("content", {})[answer.media_type] = _media_type_object(answer.model)
    by_status: dict[int, list[type[VignetteError]]] = defaultdict(list)
    for kind in operation.problems:
        by_status[status_of(kind)].append(kind)
    for status, kinds in by_status.items():
        described = {"description": _meanings(kinds), "content": {PROBLEM: _media_type_object(Problem)}}
        earlier = responses.setdefault(str(status), described)
        earlier.setdefault("content", {}).update(described["content"])
    responses["default"] = {"description": "Any other problem", "content": {PROBLEM: _media_type_object(Problem)}}
    return responses


def _media_type_object(model: type[BaseModel] | None) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}} if model else {}


def _meanings(kinds: Iterable[type[VignetteError]]) -> str:
    return "; ".join(f"{kind.title} (`{type_uri(kind.code)}`)" for kind in kinds) or HTTPStatus.OK.phrase
