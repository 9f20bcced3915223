"""Headers that every answer carries, and the requests that no page of ours sends."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, request

from vignette.errors import CrossSiteRequest

# Everything comes from here and nothing runs inline: a page that shows a stranger's words has no other way to be safe.
_PAGE_POLICY: Final = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# A browser that is made to open anything but a page shows nothing, runs nothing and fetches nothing.
_FILE_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def init_headers(app: Flask) -> None:
    app.before_request(_refuse_cross_site)
    app.after_request(_protect)


def _refuse_cross_site() -> None:
    """
    Refuse what a form or a script of another site makes a visitor's browser send: the browser may reach hosts that the
    other site does not. Browsers mark such requests (Fetch Metadata); programs send no such header and pass.
    """
    if request.method not in _SAFE_METHODS and request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise CrossSiteRequest("a page of another site may not upload or delete here")


def _protect(response: Response) -> Response:
    is_page = response.mimetype == "text/html"
    response.headers["Content-Security-Policy"] = _PAGE_POLICY if is_page else _FILE_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    if is_page:
        # A file in its sandbox has neither links nor an origin to guard.
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers.setdefault("Cache-Control", "no-cache")
    return response
