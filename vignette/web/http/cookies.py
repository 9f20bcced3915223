"""Cookies that a browser shows to this service alone, and to no script (RFC 6265bis)."""

from __future__ import annotations

from typing import Literal

from flask import Request, Response


def set_cookie(
    response: Response,
    request: Request,
    name: str,
    value: str,
    *,
    kept_s: int,
    path: str,
    samesite: Literal["Lax", "Strict"] = "Lax",
) -> None:
    """Have the browser show *value* for *kept_s* seconds, with requests for *path* and what is below it alone."""
    response.set_cookie(
        name, value, max_age=kept_s, path=path, secure=request.is_secure, httponly=True, samesite=samesite
    )
