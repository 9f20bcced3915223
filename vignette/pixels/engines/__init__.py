"""
Decodes a picture and shrinks it, behind one function: with Pillow, libvips or libheif, whichever is cheaper.

`vignette bench pixels` measures them. libvips is cheaper for WebP, which it decodes at a smaller scale; for PNG, which
it inflates in half the time; and for TIFF and BMP, of which it holds a few rows at a time. libheif decodes HEIC and
HEIF, and libvips shrinks the result. Pillow decodes all other formats.

What the first engine cannot, the next one tries, also if the first finds out in the middle of the pixels. An engine
that is asked second must refuse a picture of which pixels are missing, just like the first.
"""

from __future__ import annotations

import codecs
import struct
from typing import BinaryIO, Final, Protocol

from PIL import Image, UnidentifiedImageError

from vignette.allocation import watch_allocations
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.engines import bitmap, deep, libheif, libheif_planes, libvips, overlay, pillow
from vignette.pixels.engines.variety import UnknownVariety
from vignette.pixels.engines.whole_jpeg import DamagedPixels
from vignette.pixels.formats import Format


class Engine(Protocol):
    """A module that decodes some formats."""

    def decode(self, file: BinaryIO, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image: ...


_ENGINES: Final[dict[Format, tuple[Engine, ...]]] = {
    formats.JPEG: (pillow, libvips),
    formats.PNG: (libvips, pillow),
    formats.APNG: (libvips, pillow),
    formats.GIF: (pillow,),
    formats.WEBP: (libvips, pillow),
    formats.AVIF: (pillow, libvips),
    formats.HEIC: (libheif, pillow),
    formats.HEIF: (libheif, pillow),
    formats.TIFF: (libvips, pillow),
    formats.BMP: (bitmap, pillow),
}

# The formats of which both engines refuse a picture whose pixels are damaged. In others, a fault that the first engine
# finds in the pixels is the verdict: Pillow compares no checksum of a PNG, for instance.
_BOTH_ARE_STRICT: Final = frozenset({formats.JPEG, formats.AVIF, formats.TIFF})

# What texts in pictures may be written in, as our parsers and Pillow read them.
_ENCODINGS: Final = ("ascii", "latin-1", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "mac-roman")

_FAULTS: Final = (ArithmeticError, EOFError, LookupError, OSError, SyntaxError, TypeError, ValueError, struct.error)


def load_libraries() -> None:
    """Load what the engines load for the first picture that needs it: for a process that can open nothing later."""
    Image.init()
    deep.library()
    libheif_planes.library()
    for encoding in _ENCODINGS:
        codecs.lookup(encoding)


def decode(file: BinaryIO, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    """
    Return the picture at the start of *file*, upright, at *size*: (width, height) in pixels, at most its own size.

    If *file* holds several pictures, it is the first one, or the primary one. The result is in sRGB, in mode L, LA, RGB
    or RGBA.

    Raises:
        RenderingFailed: The decoder finds another size than the *anatomy* says.
        MemoryError: The first engine found too little memory; the next one, once loaded, would find less.
        Exception: Pixels are damaged or missing. Decoders raise errors of many classes.
    """
    if anatomy.is_overlay:
        return overlay.decode(file, anatomy, size, decode)
    *others, last = _engines(anatomy)
    for engine in others:
        an_allocation_failed = watch_allocations()
        try:
            return engine.decode(file, anatomy, size)
        except DamagedPixels:
            raise
        except (UnknownVariety, UnidentifiedImageError):
            pass
        except _FAULTS as error:
            if an_allocation_failed():
                raise MemoryError from error
            if anatomy.format not in _BOTH_ARE_STRICT:
                raise
        file.seek(0)
    return last.decode(file, anatomy, size)


def _engines(anatomy: Anatomy) -> tuple[Engine, ...]:
    """Return the engines for the picture of *anatomy*, in the order in which they are asked."""
    if anatomy.is_arithmetic:
        # Pillow has to hold all of its data. What libvips finds damaged, Pillow would show.
        return (libvips,)
    if anatomy.samples.are_apart:
        return (libvips,)  # each plane is a page of its own for it
    engines = _ENGINES[anatomy.format]
    return engines[::-1] if anatomy.format is formats.AVIF and libvips.is_first_for(anatomy) else engines
