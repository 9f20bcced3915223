"""Encodes a picture in memory as the bytes of a vignette."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, Final

from PIL import Image, ImageChops, ImageStat

from vignette.limits import KIB
from vignette.recipes import VignetteFormat

_ENCODERS: Final[dict[VignetteFormat, tuple[str, dict[str, Any]]]] = {
    "webp": ("WEBP", {"method": 4}),
    "jpeg": ("JPEG", {"optimize": True, "progressive": True}),
    "avif": ("AVIF", {"speed": 7}),
}

# libwebp says that there is alpha only if it coded some. But it may cut transparent edges off all frames, and some
# readers then show black there. (RFC 9649, 2.7: the flags of VP8X, which begins each animation.)
_WEBP_FLAGS_AT: Final = 20
_WEBP_HAS_ALPHA: Final = 0x10

# A small picture of few colours, such as an icon or a logo, is mostly smaller without loss, and keeps its edges sharp.
# Of 490 such test images of 65 to 512 pixels the WebP took a third less, for 1 to 19 ms each. Letters with soft edges
# have some hundred colours.
_SMALL_PX: Final = 512
_FEW_COLOURS: Final = 1024
# A tiny picture is one too, such as an icon in many colours: lossy WebP has one colour for four pixels, and there each
# pixel counts. So few bytes are not worth it; a photo at 32 pixels takes 1.5 KB, and five times as little with loss.
_TINY_PX: Final = 64
_TINY_BYTES: Final = 2 * KIB
# A short one whose colours change from pixel to pixel, such as a game's graphics or the output of a filter, loses them
# with one colour for four pixels, however many bytes it may take. These are levels of the two colour channels, on
# average; of 120 photos the most is 5.0 at 64 pixels, and 4 at 128. Without loss it takes two to five times as much.
_SHORT_PX: Final = 128
_MOST_COLOUR_LOSS: Final = 5.5
_LOSSLESS: Final[dict[str, Any]] = {"lossless": True, "quality": 100, "method": 4}

# An animation has many frames, and more effort would make them hardly smaller.
_ANIMATION_METHOD: Final = 2


def encoded(image: Image.Image, file_format: VignetteFormat, quality: int) -> bytes:
    """
    Encode *image* (mode L, LA, RGB or RGBA) in *file_format*.

    JPEG has no transparency: it gets a white ground. A WebP of a small picture of few colours is lossless if that is
    smaller; one of a tiny picture if that takes few bytes, and one of a short picture if its colours would be lost.
    """
    if file_format == "jpeg" and image.mode in ("RGBA", "LA"):
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        image = opaque.convert("RGB")
    encoder, options = _ENCODERS[file_format]
    content = _saved(image, encoder, quality=quality, **options)
    if file_format != "webp":
        return content
    is_lost = _loses_colours(image)
    if is_lost or _is_tiny(image) or _is_simple(image):
        lossless = _saved(image, encoder, **_LOSSLESS)
        if is_lost or len(lossless) <= max(len(content), _TINY_BYTES if _is_tiny(image) else 0):
            return lossless
    return content


def _is_tiny(image: Image.Image) -> bool:
    return max(image.size) <= _TINY_PX


def _is_simple(image: Image.Image) -> bool:
    return max(image.size) <= _SMALL_PX and image.getcolors(_FEW_COLOURS) is not None


def _loses_colours(image: Image.Image) -> bool:
    if max(image.size) > _SHORT_PX or min(image.size) < 2 or image.mode not in ("RGB", "RGBA"):
        return False
    _, *channels = image.convert("RGB").convert("YCbCr").split()
    losses = [
        ImageStat.Stat(
            ImageChops.difference(channel, channel.reduce(2).resize(channel.size, Image.Resampling.BILINEAR))
        ).mean[0]
        for channel in channels
    ]
    return sum(losses) / len(losses) > _MOST_COLOUR_LOSS


def _saved(image: Image.Image, encoder: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, encoder, **options)
    return content.getvalue()


def encoded_animation(
    frames: Sequence[tuple[Image.Image, int]], plays: int, quality: int, before_frame: Callable[[], None]
) -> bytes:
    """
    Encode *frames* as an animated WebP that is played *plays* times, or for ever if *plays* is 0.

    Each frame is a picture (mode L, LA, RGB or RGBA, all of one size) and the milliseconds for which it is shown.
    *before_frame* is called before each frame but the first is encoded. If it raises, the encoding ends with its error.
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
    made = bytearray(content.getvalue())
    if any(image.has_transparency_data for image, _ in frames):
        made[_WEBP_FLAGS_AT] |= _WEBP_HAS_ALPHA
    return bytes(made)


class _Reel(Image.Image):
    """Poses as one Pillow picture with several frames, so that the encoder asks for one picture after another."""

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
    """Return Pillow's name for the decoder of *file_format*."""
    return _ENCODERS[file_format][0]
