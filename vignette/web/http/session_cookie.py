"""The cookie of a session: what a browser shows in place of a key (RFC 6265)."""

from __future__ import annotations

from typing import Any, Final

from flask import Request, Response

from vignette.access.sessions import ENDS_AFTER

_NAME: Final = "vignette_session"


def session_token(request: Request) -> str | None:
    return request.cookies.get(_name(request))


def set_session(response: Response, request: Request, token: str) -> None:
    """
    Have the browser show *token* from now on: to this service alone, and to no script. Pages of other sites may link
    here, and their links find the reader signed in; what changes anything has to come from a page of ours.
    """
    response.set_cookie(_name(request), token, max_age=ENDS_AFTER, **_attributes(request))


def clear_session(response: Response, request: Request) -> None:
    response.delete_cookie(_name(request), **_attributes(request))


def _name(request: Request) -> str:
    # Browsers let nobody but this very host set such a cookie, and only over https (RFC 6265bis, 4.1.3.2).
    return f"__Host-{_NAME}" if request.is_secure and not request.script_root else _NAME


def _attributes(request: Request) -> dict[str, Any]:
    return {
        "path": request.script_root or "/",
        "secure": _is_over_https(request),
        "httponly": True,
        "samesite": "Lax",
    }


def _is_over_https(request: Request) -> bool:
    # Without `public_url`, a proxy that speaks https is known by the page alone that a browser has sent the form from;
    # `cross_site` has made sure that it is one of ours.
    return request.is_secure or request.headers.get("Origin", "").startswith("https://")
