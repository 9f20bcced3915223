"""
Decodes all formats with Pillow (and libjpeg-turbo, libavif, dav1d, libtiff; libheif and libde265 from pi-heif).

Its JPEG decoder scales by 1/2, 1/4 or 1/8 on the way. Its other decoders hold the whole picture.
"""

from __future__ import annotations

import io
import math
from typing import BinaryIO, Final, NamedTuple

import pi_heif
from PIL import AvifImagePlugin, Image, ImageChops, ImageFile, ImageStat, JpegImagePlugin

from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.colour import as_profile, to_srgb
from vignette.pixels.colour_space import ColourSpace
from vignette.pixels.containers.jpeg_pixels import eighth
from vignette.pixels.containers.reader import Reader
from vignette.pixels.engines import hdr, libvips, whole_jpeg
from vignette.pixels.engines.sizes import check_size, stored
from vignette.pixels.engines.variety import UnknownVariety
from vignette.pixels.formats import Format
from vignette.pixels.resampling import resized, samples, upright
from vignette.pixels.samples import Colours, Kind, Samples

# The check at the door has counted the pixels. Pillow's own limit would only refuse pictures that we have accepted.
Image.MAX_IMAGE_PIXELS = None

# The worker has as many processes as the machine has processors: threads would take more memory, and save no time.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
pi_heif.register_heif_opener()

_PLUGINS: Final[dict[Format, str]] = {
    formats.JPEG: "JPEG",
    formats.PNG: "PNG",
    formats.APNG: "PNG",
    formats.GIF: "GIF",
    formats.WEBP: "WEBP",
    formats.AVIF: "AVIF",
    formats.HEIC: "HEIF",
    formats.HEIF: "HEIF",
    formats.TIFF: "TIFF",
    formats.BMP: "BMP",
}

FORMATS: Final = frozenset(_PLUGINS)

# For these formats Pillow's decoder turns the picture upright itself.
_TURNED_BY_DECODER: Final = frozenset({formats.HEIC, formats.HEIF, formats.TIFF})

# Pillow's modes of single samples with a sign and of floating-point ones.
_MEASURED_MODES: Final = ("I", "F")

# The modes of the pictures that may be HDR.
_OF_HDR: Final = ("L", "LA", "RGB", "RGBA")

# The JPEG decoder takes the smallest of its scales that reaches this many times the target size. That leaves enough
# detail for the resampling filter (the PSNR against a full decode is over 40 dB), and mostly still allows the cheaper
# scale.
_DRAFT_FACTOR: Final = 1.75
# A large vignette may be made of a coarser scale that has little fine detail (see `_fine_detail`): less of it the
# coarser the scale is. Of 26 photos at scales of 1/2 and 1/4, those within these limits had at least 45 dB at 1.26
# times the target size, and 42 dB at 1.5 times. Pages of text have more than 500, and had 28 to 38 dB.
_COARSE_FACTOR: Final = 1.25
_MOST_DETAIL_IF_COARSE: Final = 40.0
_MIDDLE_FACTOR: Final = 1.5
_MOST_DETAIL_IN_THE_MIDDLE: Final = 200.0
_BAND_PX: Final = 64  # what is looked at in one go takes little memory, and stays near the processor
_LARGE_PX: Final = 512
_SMALLEST_SCALE: Final = 8


def decode(file: BinaryIO, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    """As `engines.decode`; it takes every accepted format."""
    is_turned = anatomy.format in _TURNED_BY_DECODER
    target = size if is_turned else stored(size, anatomy)
    with open_source(file, anatomy.format) as source:
        # Pillow may give the size as stored, or as turned upright.
        coded = None if anatomy.aperture is None else anatomy.aperture.coded
        check_size(source.size, *([coded] if coded else [(anatomy.width, anatomy.height), anatomy.upright_size]))
        _check_samples(source, anatomy.samples)
        if isinstance(source, JpegImagePlugin.JpegImageFile):
            image = _shrink_jpeg(file, target)
        else:
            source.load()
            if source.mode in _MEASURED_MODES and anatomy.samples.may_be_measurements:
                return libvips.shrunk_samples(source, anatomy.samples, size, anatomy.profile)
            image = resized(samples(source, anatomy.samples.bits), target, anatomy.shown)
    colour = anatomy.colour
    if isinstance(colour, ColourSpace) and colour.is_hdr and image.mode in _OF_HDR:
        image = hdr.mapped(image, colour)
    else:
        image = to_srgb(image, as_profile(colour, image))
    return image if is_turned else upright(image, anatomy.orientation)


def _check_samples(source: ImageFile.ImageFile, samples: Samples) -> None:
    """Raise `UnknownVariety` if Pillow would take the samples for others."""
    if samples.kind is Kind.UNSIGNED:
        # It forgets that 0 is white in 16 bits, and knows 31 bits at most.
        is_known = samples.bits < 16 or (samples.bits == 16 and not samples.white_is_zero)
    else:
        # It swaps the bytes of those only that are not compressed.
        is_known = source.mode in _MEASURED_MODES and not samples.is_big_endian
    if samples.are_apart:
        is_known = False  # it would take the first plane for the picture
    elif samples.in_planes:
        is_known &= samples.is_bytes and samples.colours is Colours.RGB
    if not is_known:
        raise UnknownVariety(f"it does not know {samples.words} samples")


def open_source(file: BinaryIO, file_format: Format) -> ImageFile.ImageFile:
    """Open the picture at the start of *file* with the decoder of *file_format* and no other; decode nothing yet."""
    if file_format is formats.JPEG:
        # Not `Image.open`: it opens a JPEG that has others behind it as an MPO.
        return JpegImagePlugin.JpegImageFile(file)
    return Image.open(file, formats=[_PLUGINS[file_format]])


class _Draft(NamedTuple):
    """A JPEG in *file* that is to be decoded at a scale; `box` is the part of the scaled picture that it fills."""

    source: JpegImagePlugin.JpegImageFile
    file: BinaryIO
    box: tuple[float, float, float, float] | None

    def load(self) -> Image.Image:
        whole_jpeg.load(self.source, self.file)
        return samples(self.source)


def _shrink_jpeg(file: BinaryIO, size: tuple[int, int]) -> Image.Image:
    """Shrink the picture in *file* to *size*, and decode no more of it than that needs."""
    draft = _draft(file, size, _DRAFT_FACTOR)
    coarser = _draft(file, size, _COARSE_FACTOR) if max(size) > _LARGE_PX else draft
    image = coarser.load()
    is_coarse = max(image.size) < max(size) * _MIDDLE_FACTOR
    most_detail = _MOST_DETAIL_IF_COARSE if is_coarse else _MOST_DETAIL_IN_THE_MIDDLE
    if coarser.source.size == draft.source.size or _fine_detail(image) <= most_detail:
        draft = coarser
    else:
        del image  # before the larger one is made
        image = draft.load()
    # The scaled picture may end within a pixel. Without this box the result would be shifted by up to one pixel.
    return resized(image, size, draft.box)


def _draft(file: BinaryIO, size: tuple[int, int], factor: float) -> _Draft:
    file.seek(0)
    source = JpegImagePlugin.JpegImageFile(file)
    enough = int(size[0] * factor), int(size[1] * factor)
    scaled = source.draft(source.mode, enough)
    if scaled is not None and source.decoderconfig[0] == _SMALLEST_SCALE and "progressive" in source.info:
        content = eighth(Reader(file, file.seek(0, io.SEEK_END)))
        if content is not None:
            file = io.BytesIO(content)
            source = JpegImagePlugin.JpegImageFile(file)
            source.draft(source.mode, enough)
    return _Draft(source, file, None if scaled is None else scaled[1])


def _fine_detail(image: Image.Image) -> float:
    """Return the mean square, in levels of luminance, by which a pixel differs from the mean of its four neighbours."""
    width, height = image.width - 2, image.height - 2
    if width < 1 or height < 1:
        return math.inf  # no pixel has four
    bands = [(top, min(top + _BAND_PX, height)) for top in range(0, height, _BAND_PX)]
    squares = sum(_squares(image.crop((0, top, image.width, end + 2)).convert("L")) for top, end in bands)
    return squares / (width * height)


def _squares(luminance: Image.Image) -> float:
    """Return the sum of squares by which each pixel within the edges differs from the mean of its neighbours."""
    width, height = luminance.width - 2, luminance.height - 2

    def shifted(x: int, y: int) -> Image.Image:
        return luminance.crop((x, y, x + width, y + height))

    beside = Image.blend(shifted(0, 1), shifted(2, 1), 0.5)
    above = Image.blend(shifted(1, 0), shifted(1, 2), 0.5)
    difference = ImageChops.difference(shifted(1, 1), Image.blend(beside, above, 0.5))
    return float(ImageStat.Stat(difference).sum2[0])
