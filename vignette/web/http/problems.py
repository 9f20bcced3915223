"""
Errors become HTTP here, and only here: `application/problem+json` (RFC 9457), or the same as a page for a browser.

The client sees the words of our own errors. What any other exception says is only in the log.
"""

from __future__ import annotations

import logging
import math
import re
from typing import Any, Final

from flask import Flask, Response, g, make_response, render_template, request
from pydantic import BaseModel, ConfigDict, Field
from werkzeug.exceptions import HTTPException

from vignette import errors
from vignette.errors import CheckRefused, CheckUnavailable, NotAllowed, Overloaded, QuotaExceeded, VignetteError
from vignette.model import Failure
from vignette.pixels.metadata.text import harmless
from vignette.web.http.negotiation import HTML, PROBLEM, accepted_types, preferred
from vignette.web.request_log import note_problem, without_tokens

STATUS: Final[dict[type[VignetteError], int]] = {
    errors.NoFile: 400,
    errors.MalformedRequest: 400,
    errors.DigestMismatch: 400,
    errors.InvalidKey: 401,
    errors.KeyRequired: 401,
    errors.CrossSiteRequest: 403,
    errors.InvalidDeleteToken: 403,
    errors.MissingScope: 403,
    errors.TicketSpent: 403,
    errors.StorageQuotaExceeded: 403,
    errors.NotTheOwner: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.UploadTooSlow: 408,
    errors.ImageNotFailed: 409,
    errors.ImageNotQuarantined: 409,
    errors.TooManyKeys: 409,
    errors.TooManyLinks: 409,
    errors.TooManyTickets: 409,
    errors.ImageDeleted: 410,
    errors.EditedMeanwhile: 412,
    errors.UploadTooLarge: 413,
    errors.TooManyFiles: 413,
    errors.UnsupportedFormat: 415,
    errors.RangeNotSatisfiable: 416,
    errors.MisdirectedRequest: 421,
    errors.EmptyFile: 422,
    errors.BrokenImage: 422,
    errors.TooManyPixels: 422,
    errors.TooManyFrames: 422,
    errors.TooMuchMemory: 422,
    errors.TooLongToCheck: 422,
    errors.NotCheckable: 422,
    errors.CheckRefused: 422,
    errors.IdempotencyKeyReused: 422,
    errors.QuotaExceeded: 429,
    errors.RenderingFailed: 422,
    errors.NotPublishable: 422,
    errors.ConditionRequired: 428,
    errors.VignetteError: 500,
    errors.Unavailable: 503,
    errors.ReducedCapacity: 503,
    errors.StoreFull: 507,
}

# What Flask and Werkzeug raise themselves, by its status.
_OF_WERKZEUG: Final[dict[int, type[VignetteError]]] = {
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.UploadTooLarge,
    416: errors.RangeNotSatisfiable,
}

# What comes back by itself is worth asking for again, after this many seconds.
_RETRY_AFTER_S: Final = 5

_MAX_PATH_CHARS: Final = 200

SUBJECT: Final = "vignette.subject"
"""In the environ of a request: the file or the host that its problem is about, as the sender calls it, for the page."""
# draft-ietf-httpapi-ratelimit-headers-11, section 5.
_REGISTRY: Final = "https://iana.org/assignments/http-problem-types"
_REGISTERED: Final = frozenset(
    kind.code for kind in (errors.QuotaExceeded, errors.AbnormalUsage, errors.ReducedCapacity)
)

_BEARER: Final = 'Bearer realm="vignette"'

logger = logging.getLogger(__name__)


class Problem(BaseModel):
    """What went wrong (RFC 9457). `measured` and `limit` are numbers in one unit, where the problem compares two."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    type: str = Field(
        description="A stable name: the path of the page that documents it, below that of the service where it has one."
        " Its last part is the same everywhere. A few types are those of the registry of IANA",
        examples=["/problems/no-file"],
    )
    title: str
    status: int
    detail: str
    measured: int | None = None
    limit: int | None = None
    required: str | None = Field(default=None, description="Where a scope is missing: the one that is needed")
    granted: list[str] | None = Field(default=None, description="The scopes that who asks has")
    reason: str | None = Field(default=None, description="Where a check of this service refused: the code that it gave")
    violated_policies: list[str] | None = Field(
        default=None,
        serialization_alias="violated-policies",
        description="Where too much was asked for: the policies that `RateLimit-Policy` names",
    )


def status_of(kind: type[VignetteError]) -> int:
    """The HTTP status of a class of error: its own, or that of the nearest base that has one."""
    return next(STATUS[base] for base in kind.__mro__ if base in STATUS)


def problem_of(error: VignetteError) -> Problem:
    rights: dict[str, Any] = {}
    if isinstance(error, NotAllowed) and error.required is not None:
        rights = {"required": error.required, "granted": list(error.granted)}
    too_much = {"violated_policies": list(error.policies)} if isinstance(error, QuotaExceeded) else {}
    return Problem(
        **rights,
        reason=error.reason if isinstance(error, CheckRefused) else None,
        **too_much,
        type=type_uri(error.code),
        title=error.title,
        status=status_of(type(error)),
        detail=harmless(str(error)),
        measured=error.measured,
        limit=error.limit,
    )


def problem_of_failure(failure: Failure) -> Problem:
    """The problem that an image without vignettes shows: what the worker found, under the code that it gave."""
    kind = problem_types().get(failure.code, errors.RenderingFailed)
    return Problem(
        type=type_uri(kind.code),
        title=kind.title,
        status=status_of(kind),
        detail=failure.detail,
        measured=failure.measured,
        limit=failure.limit,
    )


def told_problem(
    code: str, measured: int | None, limit: int | None, reason: str | None = None
) -> dict[str, object] | None:
    """What a page tells of the problem *code*, which a client brings back; None if there is no such problem."""
    kind = problem_types().get(code)
    if kind is None:
        return None
    return {"type": type_uri(code), "title": kind.title, "measured": measured, "limit": limit, "reason": reason}


def problem_types() -> dict[str, type[VignetteError]]:
    """Every error that a client may meet, by its code. To a client, an error without a code of its own is its base."""
    kinds = (kind for kind in _tree(VignetteError) if "code" in vars(kind))
    return {kind.code: kind for kind in kinds if kind is not errors.SettingsError}


def type_uri(code: str) -> str:
    """
    The whole path of the page that documents *code*, so that it resolves from wherever the problem was met (RFC 9457,
    3.1.1). Clients compare it, so it stays relative: the same on every host.

    Types that a registry has for all services are called as they are there.
    """
    if code in _REGISTERED:
        return f"{_REGISTRY}#{code}"
    return f"{request.script_root}/problems/{code}"


def code_of(problem_type: str) -> str:
    """Return the code at the end of a problem's `type`."""
    return re.split("[/#]", problem_type)[-1]


def problem_response(problem: Problem) -> Response:
    note_problem(request.environ, code_of(problem.type))
    if preferred(accepted_types(request.headers), [PROBLEM, HTML]) == HTML:
        told = problem.model_dump(exclude_none=True)
        subject = request.environ.get(SUBJECT)
        response = make_response(render_template("problem.html", problem=told, subject=subject))
    else:
        response = Response(problem.model_dump_json(exclude_none=True) + "\n", mimetype=PROBLEM)
    response.status_code = problem.status
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Accept")
    if problem.status == 503:
        response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    return response


def init_problems(app: Flask) -> None:
    """Have *app* answer every error with a problem."""
    app.register_error_handler(VignetteError, response_to)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_unexpected)


def note_refusal(error: VignetteError) -> None:
    """Have whoever looks at the answer know that *error* is what it tells."""
    g.refusal = error


def refusal_of_this_request() -> VignetteError | None:
    """Return the error that the answer to the request at hand tells, if it is one of ours."""
    error: VignetteError | None = g.get("refusal")
    return error


def response_to(error: VignetteError) -> Response:
    """Return the answer that tells *error*, as a view that raises it gets."""
    note_refusal(error)
    problem = problem_of(error)
    if isinstance(error, Overloaded | CheckUnavailable):
        logger.warning("%s %s: %s", request.method, _path(), error)  # a trace for each would be one load more
    elif problem.status >= 500:
        logger.error("%s %s: %s", request.method, _path(), error, exc_info=error)
    return _with_headers_of(problem_response(problem), error)


def telling(response: Response, error: VignetteError) -> Response:
    """
    Return *response*, a page of a view's own that tells *error*, as an answer to that: with its status and its headers.
    The log and whoever looks at the answer know of it as of any other refusal.
    """
    note_refusal(error)
    note_problem(request.environ, error.code)
    response.status_code = status_of(type(error))
    return _with_headers_of(response, error)


def _with_headers_of(response: Response, error: VignetteError) -> Response:
    if challenge := _challenge(error):
        response.headers["WWW-Authenticate"] = challenge
    if isinstance(error, QuotaExceeded):
        response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    return response


CHALLENGED: Final = frozenset(
    {errors.KeyRequired, errors.InvalidKey, errors.FirstKeyGone, errors.InvalidTicket, errors.MissingScope}
)
"""Whose answers have `WWW-Authenticate`."""


def _challenge(error: VignetteError) -> str | None:
    """Return what `WWW-Authenticate` says of the key that is missing, wrong, or not enough (RFC 6750, 3)."""
    match error:
        case errors.KeyRequired(required=None):
            return _BEARER
        case errors.KeyRequired():
            return f'{_BEARER}, scope="{error.required}"'
        case errors.InvalidKey():
            return f'{_BEARER}, error="invalid_token"'
        case errors.MissingScope():
            return f'{_BEARER}, error="insufficient_scope", scope="{error.required}"'
    return None


def _answer_http(error: HTTPException) -> Response:
    """What Flask and Werkzeug raise themselves, said in our words; redirects pass."""
    if error.response is not None or error.code is None or error.code < 400:
        return make_response(error.get_response())
    kind = _OF_WERKZEUG.get(error.code, errors.MalformedRequest if error.code < 500 else VignetteError)
    problem = problem_of(kind(_in_our_words(error.code))).model_copy(update={"status": error.code})
    response = problem_response(problem)
    for name, value in error.get_headers(request.environ):
        if name in ("Allow", "Content-Range"):
            response.headers[name] = value
    return response


def _in_our_words(status: int) -> str:
    """Say what Werkzeug would say; nothing where the title of the problem says all that we know."""
    at = request.path if len(request.path) <= _MAX_PATH_CHARS else f"{request.path[:_MAX_PATH_CHARS]}…"
    return {
        404: f"nothing is at {at}",
        405: f"{at} does not take {request.method}",
        416: "the file has none of the bytes that the range asks for",
    }.get(status, "")


def _answer_unexpected(error: Exception) -> Response:
    logger.error("%s %s", request.method, _path(), exc_info=error)
    return problem_response(problem_of(VignetteError()))


def _path() -> str:
    """The path of the request at hand, for the log."""
    return without_tokens(request.path)


def _tree(kind: type[VignetteError]) -> list[type[VignetteError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _tree(child))]
