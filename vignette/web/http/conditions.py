"""
Conditional requests (RFC 9110, 13). Werkzeug's own answer to them knows no `If-Unmodified-Since`, calls `If-Match: *`
false, and forgets `If-None-Match` beside an `If-Match`.
"""

from __future__ import annotations

from typing import Final

from flask import Request, Response

_HEADERS: Final = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")


def settle(response: Response, request: Request) -> bool:
    """
    Make *response*, to a GET or a HEAD, a 304 or a 412 if a condition of *request* asks for that; return whether it is
    one. Its body stays.
    """
    status = _status(response, request)
    if status is not None:
        response.status_code = status
    return status is not None


def without_conditions(request: Request) -> Request:
    """Return *request* without these conditions, for Werkzeug. Its range stays, with `If-Range`."""
    if not any(name in request.environ for name in _HEADERS):
        return request
    return Request({name: value for name, value in request.environ.items() if name not in _HEADERS})


def _status(response: Response, request: Request) -> int | None:
    # In the order of RFC 9110, 13.2.2.
    tag, changed_at = response.get_etag()[0] or "", response.last_modified
    if wanted := request.if_match:
        if not (wanted.star_tag or wanted.is_strong(tag)):
            return 412
    elif (since := request.if_unmodified_since) and changed_at and changed_at > since:
        return 412
    if known := request.if_none_match:
        return 304 if known.star_tag or known.contains_weak(tag) else None
    if (since := request.if_modified_since) and changed_at and changed_at <= since:
        return 304
    return None
