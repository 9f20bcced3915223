"""
libheif, with libde265, by pi-heif: HEIC and HEIF, upright.

What it has decoded is shrunk where it lies, by libvips. As a picture of Pillow it would be copied first, and take
almost twice the memory: too much for the 48 megapixels of a phone.
"""

from __future__ import annotations

from typing import BinaryIO, Final

import pi_heif
from PIL import Image

from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.colour import to_srgb
from vignette.pixels.engines import libvips
from vignette.pixels.engines.sizes import check_size

# Nothing but the picture. And no threads: the worker's processes are as many as there are processors.
pi_heif.options.DECODE_THREADS = 0
pi_heif.options.THUMBNAILS = pi_heif.options.DEPTH_IMAGES = pi_heif.options.AUX_IMAGES = False

FORMATS: Final = frozenset({formats.HEIC, formats.HEIF})

_SAMPLES: Final = {"RGB": 3, "RGBA": 4}


def decode(file: BinaryIO, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    """As `engines.decode`, for one of `FORMATS`; raise `UnknownVariety` if its pixels are of another kind."""
    picture = pi_heif.open_heif(file, convert_hdr_to_8bit=True)
    check_size(picture.size, anatomy.upright_size)
    samples = _SAMPLES.get(picture.mode)
    pixels = picture.data
    if samples is None or picture.stride % samples:
        raise libvips.UnknownVariety(f"{picture.mode} in rows of {picture.stride} bytes")
    width, height = picture.size
    small = libvips.shrunk(pixels, (width, height), samples, picture.stride // samples, size)
    return to_srgb(small, anatomy.blocks.icc)
