"""
Bytes to thumbnails: upright, in sRGB, with their transparency, never enlarged, without the original's metadata.

One decode makes them all, each from the next larger. This is the only module that runs a decoder, and only the worker
calls it.
"""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import pi_heif
from PIL import AvifImagePlugin as _  # noqa: F401 (fails here, not on the first picture, if Pillow was built without it)
from PIL import Image, ImageCms, JpegImagePlugin, UnidentifiedImageError

from vignette.errors import RenderingFailed
from vignette.model import Placeholder, Recipe, VignetteFormat
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.decoder_file import decoder_file
from vignette.pixels.formats import Format
from vignette.pixels.geometry import fit
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.thumbhash import MAX_EDGE_PX, mean_colour, thumbhash

# The door has counted the pixels; Pillow's own limit would only refuse what was accepted.
Image.MAX_IMAGE_PIXELS = None

pi_heif.register_heif_opener()

_PILLOW_NAMES: Final[dict[Format, str]] = {
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

# What decoders raise on damaged input. Not `Exception`: the worker's time limit is one, and no verdict on the picture.
_DECODER_ERRORS: Final = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)

# Their decoders hand out pictures that are upright already.
_TURNED_BY_DECODER: Final = frozenset({formats.HEIC, formats.HEIF, formats.TIFF})

# How to turn a stored picture upright, by EXIF orientation (tag 0x0112).
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# The JPEG decoder may scale by 1/2, 1/4 or 1/8 on the way. Asked for this many times the target it leaves the
# resampling filter enough to work with (over 40 dB against a full decode), and mostly still takes the cheaper step.
_DRAFT_FACTOR: Final = 1.75

# The same trade for all other formats: `Image.resize` first shrinks by a box filter to this many times the target.
_REDUCING_GAP: Final = 3.0

_SRGB: Final = ImageCms.createProfile("sRGB")

_ENCODERS: Final[dict[VignetteFormat, tuple[str, dict[str, Any]]]] = {
    "webp": ("WEBP", {"method": 4}),
    "jpeg": ("JPEG", {"optimize": True, "progressive": True}),
    "avif": ("AVIF", {"speed": 7}),
}


@dataclass(frozen=True, slots=True)
class Rendition:
    """One vignette, encoded; `width` and `height` in pixels."""

    recipe: Recipe
    file_format: VignetteFormat
    width: int
    height: int
    content: bytes


def render(file: BinaryIO, size: int, recipes: Sequence[Recipe]) -> list[Rendition]:
    """
    Make the vignettes of the picture of *size* bytes in *file*, largest recipe first.

    Raises:
        Refused: It would not pass the door.
        RenderingFailed: Its pixels cannot be decoded, all of them.
    """
    anatomy = read_anatomy(file, size)
    source = decoder_file(file, size, anatomy.format)
    with _decoder_errors(anatomy):
        return list(_render(source, anatomy, sorted(recipes, key=lambda r: r.width * r.height, reverse=True)))


def _render(file: BinaryIO, anatomy: Anatomy, recipes: Sequence[Recipe]) -> Iterator[Rendition]:
    targets = [fit(*anatomy.upright_size, recipe) for recipe in recipes]
    with _open(file, anatomy.format) as source:
        # A file that says one size to the door and another to a decoder is made to get past the limits.
        if source.size not in ((anatomy.width, anatomy.height), anatomy.upright_size):
            raise RenderingFailed(f"its decoder sees {source.width} × {source.height} pixels, the door saw others")
        image = _shrink_stored(source, anatomy, max(w for w, _ in targets), max(h for _, h in targets))
    image = _to_srgb(image, anatomy.blocks.icc)
    if anatomy.format not in _TURNED_BY_DECODER and anatomy.orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[anatomy.orientation])
    for recipe, target in zip(recipes, targets, strict=True):
        image = _resize(image, target)
        for file_format in recipe.formats:
            yield Rendition(recipe, file_format, *target, _encode(image, file_format, recipe.quality))


def _open(file: BinaryIO, file_format: Format) -> Image.Image:
    if file_format is formats.JPEG:
        # Not `Image.open`, which makes an MPO of a JPEG that has others behind it.
        return JpegImagePlugin.JpegImageFile(file)
    return Image.open(file, formats=[_PILLOW_NAMES[file_format]])


def _shrink_stored(source: Image.Image, anatomy: Anatomy, width: int, height: int) -> Image.Image:
    """Decode as little of *source* as a *width* × *height* upright picture needs, and shrink it to about that size."""
    if anatomy.orientation >= 5 and anatomy.format not in _TURNED_BY_DECODER:
        width, height = height, width
    box = None
    if isinstance(source, JpegImagePlugin.JpegImageFile):
        draft = source.draft(source.mode, (int(width * _DRAFT_FACTOR), int(height * _DRAFT_FACTOR)))
        # The scaled picture may end in a part of a pixel: without this box the result is shifted by up to one.
        box = None if draft is None else draft[1]
    source.load()
    image = _to_resizable(source)
    if (width, height) == image.size:
        return image
    return _resize(image, (width, height), box)


def _resize(
    image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> Image.Image:
    if image.size == size:
        return image
    if image.mode not in ("RGBA", "LA"):
        return image.resize(size, Image.Resampling.LANCZOS, box, _REDUCING_GAP)
    # Colours must weigh by their alpha, or what is transparent bleeds into the edges.
    premultiplied = "RGBa" if image.mode == "RGBA" else "La"
    resized = image.convert(premultiplied).resize(size, Image.Resampling.LANCZOS, box, _REDUCING_GAP)
    return resized.convert(image.mode)


def _to_resizable(image: Image.Image) -> Image.Image:
    """The same picture in a mode of 8-bit samples that can be resampled: L, LA, RGB, RGBA, CMYK or LAB."""
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I"):
        # 16 bits a sample; 0 to 65535 is black to white. Mode I is 32 bits wide but comes from 16-bit files.
        return image.convert("I").point(lambda value: value / 257).convert("L")
    if image.mode == "F":
        low, high = (float(value) for value in image.getextrema())  # type: ignore[arg-type]
        scale = 255 / (high - low) if high > low else 0.0
        return image.point(lambda value: value * scale - low * scale).convert("L")
    if "transparency" in image.info or image.mode in ("PA", "RGBa", "La"):
        return image.convert("LA" if image.mode in ("L", "1", "La") else "RGBA")
    if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK", "LAB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """*image* in L, LA, RGB or RGBA with sRGB values, by the embedded ICC *profile* where it has a sound one."""
    if profile is not None:
        try:
            return _by_profile(image, profile)
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a damaged profile, or one of another colour model: the pixels are all there is to go by
    if image.mode in ("CMYK", "LAB"):
        return image.convert("RGB")
    return image


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image:
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    opaque = image.convert(image.mode[:-1]) if alpha else image
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.buildTransform(source, _SRGB, opaque.mode, "RGB").apply(opaque)
    if opaque.mode == "L":
        converted = converted.convert("L")  # a grey profile is a tone curve only
    if alpha:
        converted.putalpha(alpha)
    return converted


def _encode(image: Image.Image, file_format: VignetteFormat, quality: int) -> bytes:
    if file_format == "jpeg" and image.mode in ("RGBA", "LA"):
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        image = opaque.convert("RGB")
    # Encoders fall back on `info`, which holds the original's EXIF, XMP and profile.
    image = image.copy()
    image.info = {}
    encoder, options = _ENCODERS[file_format]
    content = io.BytesIO()
    image.save(content, encoder, quality=quality, **options)
    return content.getvalue()


def placeholder_of(renditions: Sequence[Rendition]) -> Placeholder:
    """What stands for the picture until its vignettes are there: from the smallest of *renditions*, which are ours."""
    # JPEG has no alpha, so it is the last choice.
    smallest = min(renditions, key=lambda r: (r.width * r.height, r.file_format == "jpeg"))
    with Image.open(io.BytesIO(smallest.content), formats=[_ENCODERS[smallest.file_format][0]]) as vignette:
        image = vignette.convert("RGBa" if vignette.has_transparency_data else "RGB")
    scale = min(MAX_EDGE_PX / max(image.size), 1)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    # The means are what counts: no filter is better at them than the cheapest.
    pixels = image.resize(size, Image.Resampling.BOX).convert("RGBA").tobytes()
    return Placeholder(
        thumbhash=base64.b64encode(thumbhash(*size, pixels)).decode("ascii"),
        colour="#" + "".join(f"{round(255 * value):02x}" for value in mean_colour(pixels)),
    )


@contextmanager
def _decoder_errors(anatomy: Anatomy) -> Iterator[None]:
    try:
        yield
    except UnidentifiedImageError as error:
        # Pillow's words are of the file object, not of the picture.
        raise RenderingFailed(f"the {anatomy.format.name} cannot be decoded: its decoder does not know it") from error
    except _DECODER_ERRORS as error:
        raise RenderingFailed(
            f"the {anatomy.format.name} cannot be decoded: {error or type(error).__name__}"
        ) from error
