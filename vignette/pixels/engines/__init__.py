"""
Decodes a picture and shrinks it, behind one function: with Pillow, libvips or libheif, whichever is cheaper.

`vignette bench pixels` measures them. libvips is cheaper for WebP, which it decodes at a smaller scale; for PNG, which
it inflates in half the time; and for TIFF, of which it holds a few rows at a time. libheif decodes HEIC and HEIF, and
libvips shrinks the result. Pillow decodes all other formats, and the few varieties that the others do not know. An
AVIF of HDR goes to libvips, as Pillow would keep 8 bits of its samples.
"""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image

from vignette.pixels.anatomy import Anatomy
from vignette.pixels.engines import libheif, libvips, pillow


def decode(file: BinaryIO, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    """
    Return the picture at the start of *file*, upright, at *size*: (width, height) in pixels, at most its own size.

    If *file* holds several pictures, it is the first one, or the primary one. The result is in sRGB, in mode L, LA, RGB
    or RGBA.

    Raises:
        RenderingFailed: The decoder finds another size than the *anatomy* says.
        Exception: Pixels are damaged or missing. Decoders raise errors of many classes.
    """
    try:
        if anatomy.format in libheif.FORMATS:
            return libheif.decode(file, anatomy, size)
        if libvips.takes(anatomy):
            return libvips.decode(file, anatomy, size)
    except libvips.UnknownVariety:
        file.seek(0)
    return pillow.decode(file, anatomy, size)
