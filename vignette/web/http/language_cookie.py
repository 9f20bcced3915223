"""The cookie that holds the language which a reader has chosen on a page. It tells nothing else of the reader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flask import Request, Response

_NAME: Final = "vignette_language"
_KEPT_S: Final = 365 * 24 * 3600


def chosen_language(request: Request, languages: Sequence[str]) -> str | None:
    """Return the one of *languages* that the reader has chosen, if any."""
    said = request.cookies.get(_NAME)
    return said if said in languages else None


def set_language(response: Response, request: Request, language: str) -> None:
    response.set_cookie(
        _NAME,
        language,
        max_age=_KEPT_S,
        path=request.script_root or "/",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
