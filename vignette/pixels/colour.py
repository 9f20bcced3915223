"""Converts the colours of a picture to sRGB, which browsers assume for a picture without a profile."""

from __future__ import annotations

import io
from functools import cache, lru_cache, reduce
from typing import Final

from PIL import Image, ImageChops, ImageCms

from vignette.limits import MIB
from vignette.model import RenderingWarning
from vignette.pixels.colour_space import ColourSpace
from vignette.pixels.noticing import notice
from vignette.pixels.profile_writing import MODEL_AT, icc_profile, of_three_samples
from vignette.pixels.tone_mapping import counted_headroom

_SRGB: Final = ImageCms.createProfile("sRGB")

# Making a transform costs more than applying it, and most pictures of a camera share one profile: a process keeps the
# last few transforms. Strangers send the profiles, so a process keeps none that is larger than this; even the profiles
# of printing presses are smaller.
_KEPT_TRANSFORMS: Final = 4
_MAX_KEPT_PROFILE_BYTES: Final = MIB

# Of a picture that is brighter than white, the brightest thousandth does not count: a few glints would darken the rest.
_GLINTS: Final = 0.001


def as_profile(colour: bytes | ColourSpace | None, image: Image.Image) -> bytes | None:
    """
    Return what *colour*, that of an `Anatomy`, says, as an ICC profile for pictures like *image*.

    HDR is mapped to the light of a screen, by how bright *image* is: white stays white if there is nothing brighter. So
    the frames of an animation need one profile for all of them.
    """
    headroom = 0.0
    if isinstance(colour, ColourSpace) and colour.is_hdr:
        headroom = counted_headroom(colour, _brightest(image))
    return profile_of(colour, len(image.getbands()) - ("A" in image.getbands()), headroom)


def profile_of(colour: bytes | ColourSpace | None, samples: int, headroom: float = 0.0) -> bytes | None:
    """Do so for pictures with so many colour *samples* a pixel, of which those in HDR have this *headroom*."""
    if not isinstance(colour, ColourSpace):
        return colour
    return icc_profile(colour, samples, headroom) if samples in (1, 3) else None


def _brightest(image: Image.Image) -> float:
    """Return the highest sample of *image*, 0 to 1, apart from glints."""
    bands = [image.getchannel(name) for name in image.getbands() if name != "A"]
    histogram = reduce(ImageChops.lighter, bands).histogram()
    left = int(_GLINTS * image.width * image.height)
    for value in range(255, 0, -1):
        left -= histogram[value]
        if left < 0:
            return value / 255
    return 0.0


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """
    Convert *image* (mode L, LA, RGB, RGBA, CMYK or LAB) to sRGB values (mode L, LA, RGB or RGBA).

    The ICC *profile* decides if it is sound and has the image's colour model. Otherwise grey and RGB count as sRGB,
    CMYK as ink on white, converted as browsers do, and L*a*b* as measured under the illuminant D50.
    """
    if profile is not None:
        try:
            return _by_profile(image, profile)
        except (ImageCms.PyCMSError, OSError, ValueError):
            notice(RenderingWarning.PROFILE_NOT_APPLIED)
    if image.mode == "LAB":
        return _by_profile(image, _lab())
    return image.convert("RGB") if image.mode == "CMYK" else image


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image:
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    opaque = image.convert(image.mode[:-1]) if alpha else image
    is_by_grey = opaque.mode == "L" and profile[MODEL_AT] == b"GRAY"
    if is_by_grey:
        profile = of_three_samples(profile) or profile
    if opaque.mode == "L" and profile[MODEL_AT] == b"RGB ":
        opaque = opaque.convert("RGB")
    transform = _transform if len(profile) <= _MAX_KEPT_PROFILE_BYTES else _transform.__wrapped__
    converted = transform(profile, opaque.mode).apply(opaque)
    if is_by_grey:
        converted = converted.convert("L")  # a grey profile holds only a tone curve
    if alpha:
        converted.putalpha(alpha)
    return converted


@lru_cache(_KEPT_TRANSFORMS)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.ImageCmsProfile(io.BytesIO(profile)), _SRGB, mode, "RGB")


@cache
def _lab() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
