"""Headers that every answer carries."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response

# Everything comes from here and nothing runs inline: a page that shows a stranger's words has no other way to be safe.
_PAGE_POLICY: Final = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# A browser that is made to open anything but a page shows nothing, runs nothing and fetches nothing.
_FILE_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"


def init_headers(app: Flask, *, others_may_embed: bool = False) -> None:
    """If *others_may_embed* pictures, pages of other origins may show those of this service."""

    def protect(response: Response) -> Response:
        _protect(response)
        is_picture = (response.mimetype or "").startswith("image/")
        response.headers["Cross-Origin-Resource-Policy"] = (
            "cross-origin" if others_may_embed and is_picture else "same-origin"
        )
        return response

    app.after_request(protect)


def _protect(response: Response) -> None:
    is_page = response.mimetype == "text/html"
    response.headers["Content-Security-Policy"] = _PAGE_POLICY if is_page else _FILE_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    if is_page:
        # A file in its sandbox has neither links nor an origin to guard.
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers.setdefault("Cache-Control", "no-cache")
