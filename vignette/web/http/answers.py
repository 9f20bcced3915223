"""Answers that many views give."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, make_response, redirect, request
from pydantic import BaseModel

from vignette.web.http.negotiation import HTML, JSON, accepted_types, preferred


def no_content() -> Response:
    """Return 204 (RFC 9110, 15.3.5)."""
    response = Response(status=204)
    del response.headers["Content-Type"]  # Flask would call the empty content a page
    return response


def see_other(url: str) -> Response:
    """Return 303 (RFC 9110, 15.4.4): the answer to a form is a page of its own, which may be reloaded."""
    return make_response(redirect(url, 303))


def unstored(response: Response) -> Response:
    """Return *response*, which no cache may keep."""
    response.headers["Cache-Control"] = "no-store"
    return response


def checked_each_time(response: Response) -> Response:
    """Return *response*, of which caches have to ask each time whether it still holds."""
    response.headers["Cache-Control"] = "no-cache"
    return response


def with_next(response: Response, url: str | None) -> Response:
    """Return *response*, which tells the page after it by a `Link` (RFC 8288), if there is one."""
    if url is not None:
        response.headers["Link"] = f'<{url}>; rel="next"'
    return response


def as_json(resource: BaseModel, status: int = 200) -> Response:
    return Response(resource.model_dump_json() + "\n", status, mimetype=JSON)


def page_or_json(page: Callable[[], str], resource: Callable[[], BaseModel]) -> Response:
    """Return the *page* for a browser, the *resource* for everybody else. Caches have to ask again each time."""
    response = checked_each_time(make_response(page()) if wants_a_page() else as_json(resource()))
    response.vary.add("Accept")
    return response


def wants_a_page() -> bool:
    return preferred(accepted_types(request.headers), [JSON, HTML]) == HTML
