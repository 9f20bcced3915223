"""
How a delete token travels: in a header of ours, in the query of a link to keep, or in a cookie of the browser that has
sent the image. The log has none of the three.
"""

from __future__ import annotations

from typing import Final

from flask import Request, Response

from vignette.web.http.cookies import set_cookie

HEADER: Final = "Delete-Token"
PARAMETER: Final = "token"
_COOKIE: Final = "vignette_delete_token"

_KEPT_S: Final = 30 * 24 * 3600


def delete_token(request: Request) -> str | None:
    """Return the token that a request shows to have an image deleted; None if it shows none."""
    return request.headers.get(HEADER) or request.args.get(PARAMETER) or None


def token_of_this_browser(request: Request) -> str | None:
    """Return the token of the image that this request asks for, if this browser has sent it."""
    return request.cookies.get(_COOKIE)


def remember(response: Response, request: Request, token: str, path: str) -> None:
    """Have the browser show *token* for a month, with requests for *path* and what is below it alone."""
    set_cookie(response, request, _COOKIE, token, kept_s=_KEPT_S, path=path, samesite="Strict")
