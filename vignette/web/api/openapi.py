"""
The OpenAPI 3.1 document, made from the routes, what the views say of themselves, and the types that they answer with.

The frameworks that make it (APIFlask, flask-openapi) tie a view to one JSON answer; ours have several faces each,
chosen by `Accept`. Pydantic makes the schemas; what is left to do is short.
"""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, JsonSchemaValue, models_json_schema
from werkzeug.routing import Rule

from vignette import __version__
from vignette.access.actors import NOBODY, Actor, Scope
from vignette.access.names import PATTERN
from vignette.access.policy import Access, Policy
from vignette.errors import (
    AbnormalUsage,
    CrossSiteRequest,
    InvalidKey,
    InvalidTicket,
    KeyRequired,
    NotTheOwner,
    QuotaExceeded,
    ReducedCapacity,
    VignetteError,
)
from vignette.web.api.headers import ANSWERED, Parameter
from vignette.web.api.link_parameters import LINK_PARAMETERS
from vignette.web.api.operations import Answer, Operation, operation_of
from vignette.web.http.delete_tokens import HEADER as DELETE_TOKEN_HEADER
from vignette.web.http.negotiation import HTML, PROBLEM
from vignette.web.http.problems import CHALLENGED, Problem, status_of, type_uri
from vignette.web.request_log import PROBES

_METHODS: Final = ("get", "head", "post", "put", "patch", "delete")

_OF_RATES: Final = ("RateLimit", "RateLimit-Policy")
_REFUSALS_OF_RATES: Final = (QuotaExceeded, AbnormalUsage, ReducedCapacity)

# The names of the security schemes.
_KEY: Final = "key"
_DELETE_TOKEN: Final = "delete_token"  # noqa: S105
_TICKET: Final = "ticket"

# What a model is described for: the bodies that we read, and the answers that we write.
_READ: Final[JsonSchemaMode] = "validation"
_WRITTEN: Final[JsonSchemaMode] = "serialization"
_References = Mapping[tuple[Any, JsonSchemaMode], JsonSchemaValue]

# How curl shows a key.
_BY_KEY: Final = '-H "Authorization: Bearer $KEY"'

# Ranges are of GET alone (RFC 9110, 14.2): a HEAD request's Range is ignored.
_OF_RANGES: Final = frozenset({"206", "416"})
_ASKING_RANGES: Final = frozenset({"Range", "If-Range"})

_PATH_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "image_id": {
        "anyOf": [{"type": "integer", "minimum": 0, "maximum": 10**18 - 1}, {"type": "string", "pattern": PATTERN}],
        "description": "The number of the image, without leading zeros, or its public name",
    },
    "key_id": {"type": "string", "description": "The id of a key"},
    "link_id": {"type": "string", "description": "The id of a link"},
    "ticket_id": {"type": "string", "description": "The id of a ticket"},
    "token": {"type": "string", "description": "The token of a ticket: `vt_…`"},
    "session_id": {"type": "string", "description": "The id of a session"},
    "code": {"type": "string", "description": "The code of the problem"},
}


def build_document(app: Flask, server_url: str, policy: Policy, *, is_rated: bool = False) -> dict[str, Any]:
    """
    The description of *app* as clients reach it at *server_url*; *policy* tells who needs a key for what. *is_rated*:
    nobody may ask as much as he likes.
    """
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    operations = list(_operations(app))
    references, schemas = _schemas(operation for _, _, operation in operations)
    for rule, method, operation in operations:
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        if is_rated and rule.rule not in PROBES:
            operation = _rated(operation)
        operation = replace(operation, problems=(*operation.problems, *_refusals(operation, policy)))
        description = inspect.getdoc(app.view_functions[rule.endpoint])
        described = _operation_object(rule, operation, description, references)
        security = described["security"] = _security(operation, policy)
        if operation.curl:
            shown = [] if {} in security else [_BY_KEY]
            described["x-curl"] = " ".join(["curl", *shown, operation.curl.format(server=server_url)])
        paths[path][method] = _without_content(described) if method == "head" else described
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
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                _KEY: {"type": "http", "scheme": "bearer", "description": "A key: `vk_…`"},
                _DELETE_TOKEN: {
                    "type": "apiKey",
                    "in": "header",
                    "name": DELETE_TOKEN_HEADER,
                    "description": "What the answer to an upload without a key has told: `vd_…`",
                },
                _TICKET: {"type": "http", "scheme": "bearer", "description": "A ticket: `vt_…`"},
            },
            "headers": {
                name: {"description": meaning, "schema": schema} for name, (meaning, schema) in ANSWERED.items()
            },
        },
    }


def _schemas(operations: Iterable[Operation]) -> tuple[_References, dict[str, Any]]:
    """
    Describe the models of all *operations* at once: each has a name of its own then, and one that reads otherwise than
    it writes has two.
    """
    wanted: set[tuple[type[BaseModel], JsonSchemaMode]] = {(Problem, _WRITTEN)}
    for operation in operations:
        wanted.update((model, _WRITTEN) for answer in operation.answers for model in answer.all_models)
        wanted.update((body, _READ) for body in operation.bodies.values() if isinstance(body, type))
    return _described(tuple(sorted(wanted, key=lambda each: (each[0].__name__, each[1]))))


@cache
def _described(models: tuple[tuple[type[BaseModel], JsonSchemaMode], ...]) -> tuple[_References, dict[str, Any]]:
    """This takes longer than all the rest of the document, and is the same for each of its faces."""
    references, schemas = models_json_schema(models, ref_template="#/components/schemas/{model}")
    return references, schemas["$defs"]


def _refusals(operation: Operation, policy: Policy) -> Iterator[type[VignetteError]]:
    """Yield why the door or a use case may refuse who asks. Everybody may show a key, pages of other sites too."""
    yield InvalidKey
    yield InvalidTicket
    if CrossSiteRequest not in operation.problems:
        yield CrossSiteRequest
    if operation.scope is None:
        return
    for actor in (NOBODY, Actor("a key without scopes")):
        if refusal := policy.why_not(actor, operation.scope):
            yield type(refusal)
    if policy.access is not Access.OPEN and operation.scope in (Scope.EDIT, Scope.DELETE, Scope.SHARE):
        yield NotTheOwner


def _rated(operation: Operation) -> Operation:
    """Return *operation* with what `web.rates` may answer, and tells in each answer."""
    answers = [replace(answer, headers=(*answer.headers, *_OF_RATES)) for answer in operation.answers]
    refusals = [kind for kind in _REFUSALS_OF_RATES if kind not in operation.problems]
    return replace(operation, answers=answers, problems=(*operation.problems, *refusals))


def _security(operation: Operation, policy: Policy) -> list[dict[str, list[str]]]:
    """
    The Security Requirement Objects (OpenAPI 3.1.1, 4.8.30): one of them is enough. A key may always be shown.
    """
    scopes = [] if operation.scope is None else [operation.scope.value]
    if operation.scope is None:
        is_free = KeyRequired not in operation.problems
    else:
        is_free = policy.why_not(NOBODY, operation.scope) is None
    by_ticket = [{_TICKET: scopes}] if operation.scope is Scope.UPLOAD else []
    by_token: list[dict[str, list[str]]] = [{_DELETE_TOKEN: []}] if operation.takes_delete_tokens else []
    return [*([{}] if is_free else []), {_KEY: scopes}, *by_ticket, *by_token]


def _operations(app: Flask) -> Iterator[tuple[Rule, str, Operation]]:
    for rule in app.url_map.iter_rules():
        operation = operation_of(app.view_functions[rule.endpoint])
        if operation is not None:
            for method in _METHODS:
                if method.upper() in (rule.methods or ()):
                    yield rule, method, operation


def _operation_object(
    rule: Rule, operation: Operation, description: str | None, references: _References
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": operation.summary,
        "responses": _responses(operation, references),
    }
    if description:
        described["description"] = description
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _PATH_SCHEMAS[name]} for name in sorted(rule.arguments)
    ]
    signed = () if operation.link is None else LINK_PARAMETERS
    parameters += [_parameter_object(parameter) for parameter in (*operation.parameters, *signed)]
    if parameters:
        described["parameters"] = parameters
    if operation.bodies:
        content = {
            media_type: {"schema": references[body, _READ]} if isinstance(body, type) else body
            for media_type, body in operation.bodies.items()
        }
        described["requestBody"] = {"required": True, "content": content}
    return described


def _without_content(described: dict[str, Any]) -> dict[str, Any]:
    """What HEAD answers, of the same resource *described* for GET (RFC 9110, 9.3.2): all but the content."""
    responses = {
        status: _headers_alone(response)
        for status, response in described["responses"].items()
        if status not in _OF_RANGES
    }
    head = {"operationId": f"{described['operationId']}_head", "summary": "As GET, without the content"}
    parameters = [parameter for parameter in described.get("parameters", ()) if parameter["name"] not in _ASKING_RANGES]
    shared = {"parameters": parameters} if parameters else {}
    shared["security"] = described["security"]
    return {**head, **shared, "responses": responses}


def _headers_alone(response: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in response.items() if name != "content"}
    if "headers" in kept:  # the digest of content that is not there would be that of nothing (RFC 9530, 2)
        kept["headers"] = {name: value for name, value in kept["headers"].items() if name != "Content-Digest"}
    return kept


def _parameter_object(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.meaning,
        "schema": parameter.schema,
    }


def _responses(operation: Operation, references: _References) -> dict[str, Any]:
    responses: dict[str, dict[str, Any]] = {}
    for answer in (*operation.answers, *_problem_answers(operation.problems)):
        response = responses.setdefault(str(answer.status), {"description": ""})
        response["description"] = "; ".join(filter(None, (response["description"], _meaning(answer))))
        headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _headers_of(answer)}
        if headers:
            response.setdefault("headers", {}).update(headers)
        if answer.media_type:
            response.setdefault("content", {})[answer.media_type] = _media_type_object(answer, references)
    default = _media_type_object(Answer(500, "", PROBLEM, Problem), references)
    # In this order the page shows them.
    in_order = dict(sorted(responses.items()))
    return {**in_order, "default": {"description": "A fault of the service", "content": {PROBLEM: default, HTML: {}}}}


def _problem_answers(kinds: Iterable[type[VignetteError]]) -> Iterator[Answer]:
    """The problems that *kinds* become (`http.problems.problem_response`): for a program, and as a page."""
    by_status: dict[int, list[type[VignetteError]]] = defaultdict(list)
    for kind in kinds:
        by_status[status_of(kind)].append(kind)
    for status, of_status in by_status.items():
        headers = ["Cache-Control", "Vary"]
        if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
            headers.append("Retry-After")
        if not CHALLENGED.isdisjoint(of_status):
            headers.append("WWW-Authenticate")
        for kind in of_status:
            yield Answer(status, kind.title, PROBLEM, Problem, headers, problem=kind)
        yield Answer(status, "", HTML, headers=headers)


def _meaning(answer: Answer) -> str:
    return f"{answer.meaning} (`{type_uri(answer.problem.code)}`)" if answer.problem else answer.meaning


def _headers_of(answer: Answer) -> Sequence[str]:
    # A page says its language, which was chosen for the reader, and is not to be kept unless its view allows it.
    of_page = ("Cache-Control", "Content-Language", "Vary") if answer.media_type == HTML else ()
    return sorted({*answer.headers, *of_page})


def _media_type_object(answer: Answer, references: _References) -> dict[str, Any]:
    if answer.schema is not None:
        return {"schema": answer.schema}
    schemas = [references[model, _WRITTEN] for model in answer.all_models]
    if not schemas:
        return {}
    return {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
