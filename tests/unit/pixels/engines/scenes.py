"""Pictures for decoders, and how near two of them are."""

from __future__ import annotations

import io
import math
from functools import cache
from types import ModuleType

from PIL import Image, ImageChops, ImageDraw, ImageStat

from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.decoder_file import decoder_file
from vignette.pixels.inspection import read_anatomy

STORED_AS: dict[int, list[Image.Transpose]] = {
    1: [],
    2: [Image.Transpose.FLIP_LEFT_RIGHT],
    3: [Image.Transpose.ROTATE_180],
    4: [Image.Transpose.FLIP_TOP_BOTTOM],
    5: [Image.Transpose.TRANSPOSE],
    6: [Image.Transpose.ROTATE_90],
    7: [Image.Transpose.TRANSVERSE],
    8: [Image.Transpose.ROTATE_270],
}
"""How an upright picture is stored for each EXIF orientation: what the orientation undoes."""


@cache
def scene(width: int = 403, height: int = 302) -> Image.Image:
    """Soft and sharp, light and dark, coloured and grey; no orientation of it looks like another."""
    soft = Image.merge(
        "RGB",
        (
            Image.linear_gradient("L").rotate(90),
            Image.radial_gradient("L"),
            Image.linear_gradient("L"),
        ),
    ).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(soft)
    draw.ellipse((width * 0.1, height * 0.1, width * 0.4, height * 0.6), fill=(210, 120, 90))
    draw.polygon([(width * 0.9, height * 0.2), (width * 0.6, height * 0.9), (width * 0.95, height * 0.8)], fill="navy")
    for step in range(8):
        draw.line((0, height * step / 8, width * 0.3, height * (step + 2) / 8), fill=(step * 32, 255, 64), width=3)
    return soft


@cache
def seen_through(width: int = 403, height: int = 302) -> Image.Image:
    """The scene, fading to the right; what is hidden is of a colour that must not show."""
    image = scene(width, height).convert("RGBA")
    alpha = Image.linear_gradient("L").rotate(90).resize((width, height))
    alpha.paste(0, (width * 3 // 4, 0, width, height))
    hidden = Image.new("RGBA", (width, height), "red")
    hidden.paste(image, (0, 0), alpha.point(lambda value: 255 if value else 0))
    hidden.putalpha(alpha)
    return hidden


@cache
def cut_out(width: int = 403, height: int = 302) -> Image.Image:
    """A part of the scene with a hard edge; the rest is transparent, and of a colour that must not show."""
    shape = Image.new("L", (width, height))
    ImageDraw.Draw(shape).ellipse((width * 0.1, height * 0.05, width * 0.9, height * 0.95), fill=255)
    hidden = Image.new("RGBA", (width, height), "red")
    hidden.paste(scene(width, height), (0, 0), shape)
    hidden.putalpha(shape)
    return hidden


def stored(image: Image.Image, orientation: int) -> Image.Image:
    for step in STORED_AS[orientation]:
        image = image.transpose(step)
    return image


def decoded(engine: ModuleType, content: bytes, size: tuple[int, int] | None = None) -> Image.Image:
    """By an engine, or by `engines`; as large as it is unless *size* is told."""
    file = io.BytesIO(content)
    anatomy = read_anatomy(file, len(content), Bounds(checksums=False))
    picture = engine.decode(decoder_file(file, len(content), anatomy.format), anatomy, size or anatomy.upright_size)
    assert isinstance(picture, Image.Image)
    return picture


def decibels(one: Image.Image, other: Image.Image) -> float:
    """The peak signal-to-noise ratio of two pictures of one size, on a grey ground where they are transparent."""
    difference = ImageStat.Stat(ImageChops.difference(_on_grey(one), _on_grey(other)))
    error = sum(difference.sum2) / 3 / (one.width * one.height)
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def _on_grey(image: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", image.size, "grey")
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB")
