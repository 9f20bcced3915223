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
from vignette.pixels.engines import heif_tiles, libheif_planes, libvips, ycbcr
from vignette.pixels.engines.libheif_planes import Planes
from vignette.pixels.engines.sizes import check_size, stored
from vignette.pixels.engines.variety import UnknownVariety
from vignette.pixels.resampling import upright

# No threads: the worker has as many processes as the machine has processors. No thumbnails, depth maps and auxiliary
# pictures: we need the primary picture only.
pi_heif.options.DECODE_THREADS = 0
pi_heif.options.THUMBNAILS = pi_heif.options.DEPTH_IMAGES = pi_heif.options.AUX_IMAGES = False

FORMATS: Final = frozenset({formats.HEIC, formats.HEIF})

_SAMPLES: Final = {"RGB": 3, "RGBA": 4}
# The EXIF orientations from this one on exchange width and height.
_FIRST_ACROSS: Final = 5


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
        tiling = picture.tiling()
        is_plain = (tiling.width, tiling.height) == (anatomy.width, anatomy.height) and anatomy.aperture is None
        if is_plain and heif_tiles.are_better(picture, tiling):
            planes = heif_tiles.decoded(heif, content, tiling, stored(size, anatomy))
            return _turned_here(planes, anatomy, size)
        # When libheif turns tiles of 4:2:2, it applies their range twice.
        if is_plain and anatomy.orientation >= _FIRST_ACROSS and picture.is_422:
            with picture.decoded(as_stored=True) as planes:
                return _turned_here(planes, anatomy, size)
        with picture.decoded() as planes:
            return libvips.finished(ycbcr.in_rgb(planes, size), anatomy, size)


def _turned_here(planes: Planes, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    """Return the picture of *planes*, which are as stored, upright at *size*."""
    target = stored(size, anatomy)
    return upright(libvips.finished(ycbcr.in_rgb(planes, target), anatomy, target), anatomy.orientation)


def _decode_rgb(file: BinaryIO, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    picture = pi_heif.open_heif(file, convert_hdr_to_8bit=True)
    check_size(picture.size, anatomy.upright_size)
    samples = _SAMPLES.get(picture.mode)
    pixels = picture.data
    if samples is None or picture.stride % samples:
        raise UnknownVariety(f"{picture.mode} in rows of {picture.stride} bytes")
    width, height = picture.size
    return libvips.shrunk(pixels, (width, height), samples, picture.stride // samples, anatomy, size)
