"""Converts the colours of a picture to sRGB, which browsers assume for a picture without a profile."""

from __future__ import annotations

import io
from functools import cache, lru_cache
from typing import Final

from PIL import Image, ImageCms

from vignette.limits import MIB

_SRGB: Final = ImageCms.createProfile("sRGB")

# Making a transform costs more than applying it, and most pictures of a camera share one profile: a process keeps the
# last few transforms. Strangers send the profiles, so a process keeps none that is larger than this; even the profiles
# of printing presses are smaller.
_KEPT_TRANSFORMS: Final = 4
_MAX_KEPT_PROFILE_BYTES: Final = MIB


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
            pass
    if image.mode == "LAB":
        return _by_profile(image, _lab())
    return image.convert("RGB") if image.mode == "CMYK" else image


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image:
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    opaque = image.convert(image.mode[:-1]) if alpha else image
    transform = _transform if len(profile) <= _MAX_KEPT_PROFILE_BYTES else _transform.__wrapped__
    converted = transform(profile, opaque.mode).apply(opaque)
    if opaque.mode == "L":
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
