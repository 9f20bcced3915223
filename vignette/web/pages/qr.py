"""QR codes (ISO/IEC 18004), as pictures for pages."""

from __future__ import annotations

import io
from typing import Final

import segno
from markupsafe import Markup

# The quiet zone that the standard asks for, in modules.
_BORDER: Final = 4


def qr_svg(text: str) -> bytes:
    """
    Return *text* as a QR code in SVG, black on white. It has no size of its own, no script and no style; 15 % of it may
    be unreadable.
    """
    return _svg(text, is_file=True)


def qr_in_page(text: str) -> Markup:
    """Return the same as an element for a page: what it tells then has no address of its own."""
    return Markup(_svg(text, is_file=False).decode())  # noqa: S704 (of *text* it has squares alone)


def _svg(text: str, *, is_file: bool) -> bytes:
    content = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        content,
        kind="svg",
        border=_BORDER,
        light="#fff",
        omitsize=True,
        svgclass=None,
        lineclass=None,
        nl=False,
        xmldecl=is_file,
        svgns=is_file,
    )
    return content.getvalue()
