"""How near a vignette is to what it should be: the whole picture, upright, in sRGB, resampled by Lanczos."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pi_heif
from PIL import Image, ImageChops, ImageCms, ImageOps, ImageStat

pi_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = None


def reference(path: Path, size: tuple[int, int]) -> Image.Image:
    """The picture of *path* at *size*, with no regard to cost; in RGB, on white where it is transparent."""
    with Image.open(path) as source:
        profile = source.info.get("icc_profile")
        image = ImageOps.exif_transpose(source)
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if profile:
        own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        image = ImageCms.buildTransform(own, srgb, image.mode, image.mode).apply(image)
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
