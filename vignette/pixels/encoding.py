"""A picture in memory to the bytes of a vignette."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, Final

from PIL import Image

from vignette.recipes import VignetteFormat

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


def encoded_animation(
    frames: Sequence[tuple[Image.Image, int]], plays: int, quality: int, before_frame: Callable[[], None]
) -> bytes:
    """
    An animated WebP of *frames*: pictures of one size (L, LA, RGB or RGBA), and for how many milliseconds each is seen.

    It is played *plays* times, or for ever if that is 0. *before_frame* is called before each but the first is encoded,
    and ends it all by raising.
    """
    first, *others = [image for image, _ in frames]
    content = io.BytesIO()
    first.save(
        content,
        "WEBP",
        save_all=True,
        append_images=[_Reel(others, before_frame)],
        duration=[milliseconds for _, milliseconds in frames],
        loop=plays,
        background=(0, 0, 0, 0),
        quality=quality,
        method=_ANIMATION_METHOD,
    )
    return content.getvalue()


class _Reel(Image.Image):
    """Pictures as the frames of one, as Pillow shows those of a file: its encoder asks for each in its turn."""

    def __init__(self, images: Sequence[Image.Image], before_frame: Callable[[], None]) -> None:
        super().__init__()
        self.n_frames = len(images)
        self._images = images
        self._before_frame = before_frame

    def seek(self, frame: int) -> None:
        self._before_frame()
        image = self._images[frame]
        self.im, self._mode, self._size = image.im, image.mode, image.size


def decoder_of(file_format: VignetteFormat) -> str:
    """Pillow's name for what reads *file_format*."""
    return _ENCODERS[file_format][0]
