"""
What decodes a picture and shrinks it: Pillow or libvips, each where it is cheaper, behind one function.

Measured by `vignette bench pixels`: libvips is cheaper for WebP, which it decodes at a smaller scale, for PNG, which it
inflates in half the time, and for TIFF, of which it holds a few rows and not the whole; and it shrinks what libheif
decodes. Pillow is for all others, and for the few that libvips does not know.
"""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image

from vignette.pixels.anatomy import Anatomy
from vignette.pixels.engines import libheif, libvips, pillow


def decode(file: BinaryIO, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    """
    The picture that begins *file*, upright and complete, at *size*: (width, height) in pixels, not over its own.

    Of several it is the first, or the primary one. It is in sRGB, in mode L, LA, RGB or RGBA.

    Raises:
        RenderingFailed: Its pixels are not of the size that the *anatomy* tells.
        Exception: Its pixels are damaged, or not all there; decoders raise many kinds.
    """
    try:
        if anatomy.format in libheif.FORMATS:
            return libheif.decode(file, anatomy, size)
        if anatomy.format in libvips.FORMATS:
            return libvips.decode(file, anatomy, size)
    except libvips.UnknownVariety:
        file.seek(0)
    return pillow.decode(file, anatomy, size)
