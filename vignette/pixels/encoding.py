"""A picture in memory to the bytes of a vignette."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

from PIL import Image

from vignette.model import VignetteFormat

_ENCODERS: Final[dict[VignetteFormat, tuple[str, dict[str, Any]]]] = {
    "webp": ("WEBP", {"method": 4}),
    "jpeg": ("JPEG", {"optimize": True, "progressive": True}),
    "avif": ("AVIF", {"speed": 7}),
}

# Frames are many: those of a method with more effort are hardly smaller.
_ANIMATION_METHOD: Final = 2


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


def encoded_animation(frames: Sequence[tuple[Image.Image, int]], plays: int, quality: int) -> bytes:
    """
    An animated WebP of *frames*: pictures of one size (L, LA, RGB or RGBA), and for how many milliseconds each is seen.

    It is played *plays* times, or for ever if that is 0.
    """
    images = [image for image, _ in frames]
    content = io.BytesIO()
    images[0].save(
        content,
        "WEBP",
        save_all=True,
        append_images=images[1:],
        duration=[milliseconds for _, milliseconds in frames],
        loop=plays,
        background=(0, 0, 0, 0),
        quality=quality,
        method=_ANIMATION_METHOD,
    )
    return content.getvalue()


def decoder_of(file_format: VignetteFormat) -> str:
    """Pillow's name for what reads *file_format*."""
    return _ENCODERS[file_format][0]
