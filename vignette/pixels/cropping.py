"""What `cover` keeps of a picture."""

from __future__ import annotations

from PIL import Image

from vignette.pixels.engines import libvips
from vignette.pixels.geometry import centred
from vignette.recipes import Crop


def cropped(image: Image.Image, size: tuple[int, int], crop: Crop) -> Image.Image:
    """The part of *image* of this *size* (width, height) in pixels that is kept; of a whole picture the whole."""
    return image if image.size == size else image.crop(window(image, size, crop))


def window(image: Image.Image, size: tuple[int, int], crop: Crop) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of that part. Frames of one animation need the same, or the picture jumps."""
    left, top = centred(*image.size, size) if crop == "centre" else libvips.attention(image, size)
    return left, top, left + size[0], top + size[1]
