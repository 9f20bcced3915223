"""Colours as a file means them, in sRGB: what a browser takes a picture without a profile to be in."""

from __future__ import annotations

import io
from functools import cache, lru_cache
from typing import Final

from PIL import Image, ImageCms

from vignette.limits import MIB

_SRGB: Final = ImageCms.createProfile("sRGB")

# To make a transform costs more than to apply it, and most pictures of a camera have the same profile. What a process
# keeps of strangers' profiles is bounded: even those of printing presses are smaller than this.
_KEPT_TRANSFORMS: Final = 4
_MAX_KEPT_PROFILE_BYTES: Final = MIB


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """
    *image* (L, LA, RGB, RGBA, CMYK or LAB) in L, LA, RGB or RGBA with sRGB values.

    Its ICC *profile* counts if it is sound and of the image's colour model; if not, the pixels are all there is to go
    by: grey and RGB are sRGB, CMYK is ink on white as browsers reckon it, L*a*b* is of the illuminant D50.
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
        converted = converted.convert("L")  # a grey profile is a tone curve only
    if alpha:
        converted.putalpha(alpha)
    return converted


@lru_cache(_KEPT_TRANSFORMS)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.ImageCmsProfile(io.BytesIO(profile)), _SRGB, mode, "RGB")


@cache
def _lab() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
