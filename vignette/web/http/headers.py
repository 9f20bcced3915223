"""Headers that every answer carries."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response

# Everything comes from here and nothing runs inline: a page that shows a stranger's words has no other way to be safe.
_PAGE_POLICY: Final = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# A browser that is made to open anything but a page shows nothing, runs nothing and fetches nothing.
_FILE_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"


# A browser shows a picture that is opened by itself in a page of its own making, which has a style: the picture in the
# middle, on a ground that suits it. Nothing of a picture in pixels is read as a style.
_PICTURE_POLICY: Final = f"{_FILE_POLICY}; style-src 'unsafe-inline'"
_PIXELS: Final = frozenset({"image/webp", "image/jpeg", "image/png", "image/avif"})


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
    is_shown = response.mimetype in _PIXELS and "Content-Disposition" not in response.headers
    others = _PICTURE_POLICY if is_shown else _FILE_POLICY
    response.headers["Content-Security-Policy"] = _PAGE_POLICY if is_page else others
    response.headers["X-Content-Type-Options"] = "nosniff"
    if is_page:
        # A file in its sandbox has neither links nor an origin to guard.
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers.setdefault("Cache-Control", "no-cache")
