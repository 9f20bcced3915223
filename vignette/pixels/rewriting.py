"""
Writes a picture anew: for browsers that cannot decode its format, and for public copies that cannot keep its parts.

Only the worker calls this, because decoders run here on what strangers send.
"""

from __future__ import annotations

import io
from typing import BinaryIO, Final

from PIL import Image

from vignette.pixels.encoding import encoded
from vignette.pixels.rendering import whole_picture
from vignette.pixels.renditions import Rewritten

# VP8 counts the pixels of a side in 14 bits (RFC 6386, 9.1).
_WEBP_MOST_EDGE_PX: Final = 16_383


def rewrite(file: BinaryIO, size: int, most_edge_px: int | None, quality: int) -> Rewritten:
    """
    Write the picture of *size* bytes in *file* anew: upright, in sRGB, without metadata, and as large as it is, or with
    *most_edge_px* at its longer side. It is a JPEG, or a WebP where it is transparent. Of several pictures, it is the
    first. A transparent one that is too long for WebP gets a white ground.

    Raises:
        Refused: The picture would not pass the door.
        RenderingFailed: Not all pixels of the picture can be decoded.
    """
    image = whole_picture(file, size, most_edge_px)
    if _is_transparent(image) and max(image.size) <= _WEBP_MOST_EDGE_PX:
        return Rewritten("webp", *image.size, encoded(image, "webp", quality))
    return Rewritten("jpeg", *image.size, _as_jpeg(image, quality))


def _is_transparent(image: Image.Image) -> bool:
    if image.mode not in ("LA", "RGBA"):
        return False
    least, _ = image.getchannel("A").getextrema()
    return bool(least < 255)  # type: ignore[operator]


def _as_jpeg(image: Image.Image, quality: int) -> bytes:
    if image.mode in ("LA", "RGBA"):
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image.convert("RGB"), mask=image.getchannel("A"))
        image = ground
    content = io.BytesIO()
    # Each sample of colour is kept, for screenshots and scans; and no table is fitted to the picture, which would hold
    # the coefficients of all of it in memory.
    image.save(content, "JPEG", quality=quality, subsampling="4:4:4")
    return content.getvalue()
