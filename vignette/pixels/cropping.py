"""Cuts out the part of a picture that the fit `cover` keeps."""

from __future__ import annotations

from PIL import Image

from vignette.pixels.engines import libvips
from vignette.pixels.geometry import centred
from vignette.recipes import Crop


def cropped(image: Image.Image, size: tuple[int, int], crop: Crop) -> Image.Image:
    """Return the part of *image* that *crop* keeps; *size* is its (width, height) in pixels."""
    return image if image.size == size else image.crop(window(image, size, crop))


def window(image: Image.Image, size: tuple[int, int], crop: Crop) -> tuple[int, int, int, int]:
    """
    Return (left, top, right, bottom), in pixels, of the part of *image* that *crop* keeps.

    All frames of an animation need the same window, or the picture jumps.
    """
    left, top = centred(*image.size, size) if crop == "centre" else libvips.attention(image, size)
    return left, top, left + size[0], top + size[1]
