"""How near a vignette is to the ideal one: the whole picture, upright, in sRGB, resampled by Lanczos."""

from __future__ import annotations

import contextlib
import io
import math
from pathlib import Path

import pi_heif
from PIL import Image, ImageChops, ImageCms, ImageOps, ImageStat

pi_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = None


def reference(path: Path, size: tuple[int, int]) -> Image.Image:
    """Return the ideal vignette of *path* at *size*, whatever it costs, in RGB; what is transparent is on white."""
    return reduced(complete(path), size)


def complete(path: Path, *, by_profile: bool = True) -> Image.Image:
    """Return the whole picture of *path*, upright, in RGB or RGBA; in sRGB if *by_profile* and its profile is sound."""
    with Image.open(path) as source:
        if source.info.get("default_image"):  # an APNG whose still picture is no frame: browsers do not show it
            source.seek(1)
        profile = source.info.get("icc_profile") if by_profile else None
        gamma = source.info.get("gamma") if "srgb" not in source.info else None
        image = ImageOps.exif_transpose(source)
    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off
        image = image.convert("I").point(lambda value: value / 257).convert("L")
    if image.mode not in ("L", "CMYK", "LAB"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile is None and image.mode == "LAB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    if profile:
        with contextlib.suppress(OSError, ImageCms.PyCMSError):
            own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            return ImageCms.buildTransform(own, srgb, image.mode, mode).apply(image)
    image = image.convert(mode)
    if gamma is None or abs(2.2 * gamma - 1) < 0.05:  # to browsers, such a screen is that of sRGB
        return image
    return _from_gamma(image, gamma)


def _from_gamma(image: Image.Image, gamma: float) -> Image.Image:
    """Convert what was made for a screen of the power 1 / *gamma*, as the gAMA of a PNG says."""
    light = [(value / 255) ** (1 / gamma) for value in range(256)]
    srgb = [12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055 for part in light]
    table = [round(255 * value) for value in srgb]
    return image.point(table * 3 + (list(range(256)) if image.mode == "RGBA" else []))


def reduced(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    premultiplied = image.convert("RGBa") if image.mode == "RGBA" else image
    return on_white(premultiplied.resize(size, Image.Resampling.LANCZOS).convert(image.mode))


def on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB")


def decibels(one: Image.Image, other: Image.Image) -> float:
    """The peak signal-to-noise ratio of two pictures in RGB of one size, over all of their samples."""
    difference = ImageStat.Stat(ImageChops.difference(one, other))
    error = sum(difference.sum2) / 3 / (one.width * one.height)
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)
