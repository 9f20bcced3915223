"""QR codes (ISO/IEC 18004), as pictures for pages."""

from __future__ import annotations

import io
from typing import Final

import segno

# The quiet zone that the standard asks for, in modules.
_BORDER: Final = 4


def qr_svg(text: str) -> bytes:
    """
    Return *text* as a QR code in SVG, black on white. It has no size of its own, no script and no style; 15 % of it may
    be unreadable.
    """
    content = io.BytesIO()
    code = segno.make(text, error="m", micro=False)
    code.save(content, kind="svg", border=_BORDER, light="#fff", omitsize=True, svgclass=None, lineclass=None, nl=False)
    return content.getvalue()
