"""
Conditional requests (RFC 9110, 13). Werkzeug's own answer to them knows no `If-Unmodified-Since`, calls `If-Match: *`
false, and forgets `If-None-Match` beside an `If-Match`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Request, Response

from vignette.errors import EditedMeanwhile
from vignette.web.http.problems import response_to

_HEADERS: Final = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")


def settle(response: Response, request: Request) -> Response | None:
    """
    Return what answers a GET or a HEAD in place of *response* if a condition of *request* asks for that: 304, or the
    problem of 412, with the tag and the time of what is there.
    """
    status = _status(response, request)
    if status is None:
        return None
    if status == HTTPStatus.NOT_MODIFIED:
        response.status_code = status
        response.data = b""
        return response
    problem = response_to(EditedMeanwhile("it is not the one that the condition of the request asks for"))
    for name in ("ETag", "Last-Modified"):
        if name in response.headers:
            problem.headers[name] = response.headers[name]
    return problem


def without_conditions(request: Request) -> Request:
    """Return *request* without these conditions, for Werkzeug. Its range stays, with `If-Range`."""
    if not any(name in request.environ for name in _HEADERS):
        return request
    return Request({name: value for name, value in request.environ.items() if name not in _HEADERS})


def _status(response: Response, request: Request) -> HTTPStatus | None:
    # In the order of RFC 9110, 13.2.2.
    tag, changed_at = response.get_etag()[0] or "", response.last_modified
    if wanted := request.if_match:
        if not (wanted.star_tag or wanted.is_strong(tag)):
            return HTTPStatus.PRECONDITION_FAILED
    elif (since := request.if_unmodified_since) and changed_at and changed_at > since:
        return HTTPStatus.PRECONDITION_FAILED
    if known := request.if_none_match:
        return HTTPStatus.NOT_MODIFIED if known.star_tag or known.contains_weak(tag) else None
    if (since := request.if_modified_since) and changed_at and changed_at <= since:
        return HTTPStatus.NOT_MODIFIED
    return None
