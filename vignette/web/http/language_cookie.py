"""The cookie that holds the language which a reader has chosen on a page. It tells nothing else of the reader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flask import Request, Response

from vignette.web.http.cookies import set_cookie

_NAME: Final = "vignette_language"
_KEPT_S: Final = 365 * 24 * 3600


def chosen_language(request: Request, languages: Sequence[str]) -> str | None:
    """Return the one of *languages* that the reader has chosen, if any."""
    said = request.cookies.get(_NAME)
    return said if said in languages else None


def set_language(response: Response, request: Request, language: str) -> None:
    set_cookie(response, request, _NAME, language, kept_s=_KEPT_S, path=request.script_root or "/")
