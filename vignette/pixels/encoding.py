"""A picture in memory to the bytes of a vignette."""

from __future__ import annotations

import io
from typing import Any, Final

from PIL import Image

from vignette.model import VignetteFormat

_ENCODERS: Final[dict[VignetteFormat, tuple[str, dict[str, Any]]]] = {
    "webp": ("WEBP", {"method": 4}),
    "jpeg": ("JPEG", {"optimize": True, "progressive": True}),
    "avif": ("AVIF", {"speed": 7}),
}


def encoded(image: Image.Image, file_format: VignetteFormat, quality: int) -> bytes:
    """*image* (L, LA, RGB or RGBA) in *file_format*; on white, if that knows no transparency."""
    if file_format == "jpeg" and image.mode in ("RGBA", "LA"):
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        image = opaque.convert("RGB")
    encoder, options = _ENCODERS[file_format]
    content = io.BytesIO()
    image.save(content, encoder, quality=quality, **options)
    return content.getvalue()


def decoder_of(file_format: VignetteFormat) -> str:
    """Pillow's name for what reads *file_format*."""
    return _ENCODERS[file_format][0]
