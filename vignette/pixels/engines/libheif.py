"""
Decodes HEIC and HEIF with libheif (and libde265, both from pi-heif), which turns the picture upright.

libvips shrinks the decoded planes in libheif's own memory, and makes RGB of what is left. If the picture has
transparency, libvips shrinks RGB. Pillow would copy the pixels first, and so take almost twice the memory: too much
for the 48 megapixels of a phone.
"""

from __future__ import annotations

from typing import Any, BinaryIO, Final

import pi_heif
from PIL import Image

from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.colour import to_srgb
from vignette.pixels.engines import libheif_planes, libvips, ycbcr
from vignette.pixels.engines.sizes import check_size
from vignette.pixels.engines.variety import UnknownVariety

# No threads: the worker has as many processes as the machine has processors. No thumbnails, depth maps and auxiliary
# pictures: we need the primary picture only.
pi_heif.options.DECODE_THREADS = 0
pi_heif.options.THUMBNAILS = pi_heif.options.DEPTH_IMAGES = pi_heif.options.AUX_IMAGES = False

FORMATS: Final = frozenset({formats.HEIC, formats.HEIF})

_SAMPLES: Final = {"RGB": 3, "RGBA": 4}


def decode(file: BinaryIO, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    """As `engines.decode`, for one of `FORMATS`; raise `UnknownVariety` if the decoded pixels are of another kind."""
    heif = libheif_planes.library()
    if heif is not None:
        try:
            return _decode_planes(heif, file.read(), anatomy, size)
        except UnknownVariety:
            file.seek(0)
    return _decode_rgb(file, anatomy, size)


def _decode_planes(heif: Any, content: bytes, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    with libheif_planes.opened(heif, content) as picture:
        check_size(picture.size, anatomy.upright_size)
        if picture.has_alpha:
            raise UnknownVariety("its planes have no transparency")
        with picture.decoded() as planes:
            return libvips.finished(ycbcr.in_rgb(planes, size), anatomy, size)


def _decode_rgb(file: BinaryIO, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    picture = pi_heif.open_heif(file, convert_hdr_to_8bit=True)
    check_size(picture.size, anatomy.upright_size)
    samples = _SAMPLES.get(picture.mode)
    pixels = picture.data
    if samples is None or picture.stride % samples:
        raise UnknownVariety(f"{picture.mode} in rows of {picture.stride} bytes")
    width, height = picture.size
    small = libvips.shrunk(pixels, (width, height), samples, picture.stride // samples, size)
    return to_srgb(small, anatomy.blocks.icc)
