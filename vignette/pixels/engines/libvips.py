"""
Decodes PNG, WebP, TIFF, and AVIF of HDR with libvips (and libspng, libwebp, libtiff, libheif).

libvips decodes a few rows at a time and shrinks them at once. So it holds a whole picture only if the file forces it
to: an interlaced PNG, a lossless WebP. Its decoder of lossy WebP scales on the way.

A process must not use libvips before it forks, so the first picture loads it. We name the loader for each file; libvips
never chooses one. The loaders that its makers do not trust with strangers' files are blocked besides.
"""

from __future__ import annotations

import io
import math
from typing import Any, BinaryIO, Final, cast

from PIL import Image

from vignette.limits import MIB
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.colour import as_profile, to_srgb
from vignette.pixels.colour_space import ColourSpace
from vignette.pixels.engines.hdr import deepened, to_sdr
from vignette.pixels.engines.sizes import check_size, stored
from vignette.pixels.engines.vips import library
from vignette.pixels.formats import Format
from vignette.pixels.resampling import upright

_LOADERS: Final[dict[Format, str]] = {
    formats.PNG: "pngload_source",
    formats.APNG: "pngload_source",
    formats.WEBP: "webpload_source",
    formats.TIFF: "tiffload_source",
    formats.AVIF: "heifload_source",
}

FORMATS: Final = frozenset(_LOADERS)

# Sequential: libvips decodes each row once, from top to bottom. A fault in any row is a fault of the picture.
_LOADING: Final = {"access": "sequential", "fail_on": "error"}

# The WebP decoder averages while it scales. At this many times the target size it leaves enough detail for the
# resampling filter: the PSNR against a full decode is over 45 dB.
_SCALE_FACTOR: Final = 1.5

# If transparency is coded apart from lossy colours, those averages take in the colours of transparent pixels. At this
# many times the target size the result is within two decibels of a full decode, mostly at half its cost.
_SCALE_FACTOR_OF_APART: Final = 4.0

# To decode such a picture takes this much memory for each pixel of the original, if its transparency is compressed, ...
_APART_BYTES: Final = 3
# ... and this much for each pixel of the scaled picture.
_SCALED_BYTES: Final = 12
# To keep both together below this, within what a rendering may take, a large picture is decoded at a smaller scale, but
# never below `_SCALE_FACTOR` times the target.
_MOST_BYTES_OF_APART: Final = 160_000_000

# To decode an AVIF of 10 bits takes this much memory for each pixel; Pillow takes half. This limit is 8 megapixels.
_AVIF_BYTES: Final = 20
_MOST_BYTES_OF_AVIF: Final = 160_000_000

# libvips first averages whole pixels down to about this many times the target size, then applies the resampling filter.
_GAP: Final = 2.0

# libvips takes this much on top of what any decoder of the picture must hold: for its threads, and for rows in transit.
_ROOM_BYTES: Final = 32 * MIB

# How many samples of a pixel are its colour, by libvips' name for the interpretation of the samples.
_COLOUR_SAMPLES: Final = {
    "b-w": 1,
    "grey16": 1,
    "srgb": 3,
    "rgb16": 3,
    "scrgb": 3,
    "lab": 3,
    "labs": 3,
    "cmyk": 4,
}

# The names of colour models in ICC profiles, by the number of colour samples (ICC.1:2022, table 19).
_MODELS: Final = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}
_MODEL_AT: Final = slice(16, 20)

_MODES: Final = {("b-w", 1): "L", ("b-w", 2): "LA", ("srgb", 3): "RGB", ("srgb", 4): "RGBA", ("cmyk", 4): "CMYK"}


class UnknownVariety(OSError):
    """This engine cannot read this variety of the format. The file may be sound all the same."""


def takes(anatomy: Anatomy) -> bool:
    """
    Whether this engine is the one for the picture.

    Of AVIF that is HDR, of which Pillow would keep 8 bits, unless it is so large that this engine lacks the memory.
    """
    if anatomy.format is formats.AVIF:
        return _is_hdr(anatomy.colour) and anatomy.width * anatomy.height * _AVIF_BYTES <= _MOST_BYTES_OF_AVIF
    return anatomy.format in FORMATS


def decode(file: BinaryIO, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    """As `engines.decode`, for what it `takes`; raise `UnknownVariety` if libvips cannot read the file."""
    vips = library()
    source = _source(vips, file)
    colour = anatomy.colour
    is_turned = anatomy.format is formats.AVIF  # by its decoder
    try:
        target = size if is_turned else stored(size, anatomy)
        image = _shrink(_load(vips, source, anatomy, size), target, in_sixteen_bits=_is_hdr(colour))
        if isinstance(colour, ColourSpace) and colour.is_hdr:
            image, colour = to_sdr(image, colour), None
        elif colour is not None and image.format != "uchar":
            image = image.copy_memory()  # it is looked at twice, and can be decoded once
            profile = as_profile(colour, _picture(_in_bytes(image)))
            image, colour = _by_profile(vips, image, profile), None
        picture = _picture(_in_bytes(image))
    except vips.Error as error:
        _check_room(anatomy, size)
        raise OSError(_words(error)) from error
    picture = to_srgb(picture, as_profile(colour, picture))
    return picture if is_turned else upright(picture, anatomy.orientation)


def shrunk(
    pixels: memoryview,
    dimensions: tuple[int, int],
    samples: int,
    row_pixels: int,
    size: tuple[int, int],
    colour: bytes | ColourSpace | None,
) -> Image.Image:
    """
    Shrink a picture that another library has decoded to *size*, (width, height), without copying the whole picture.

    It becomes sRGB, by what *colour* says of its samples.

    *dimensions* are its width and height in pixels. Each pixel has 3 *samples* (RGB) or 4 (RGBA) of one byte. In
    *pixels*, each row takes the room of *row_pixels* pixels.
    """
    vips = library()
    width, height = dimensions
    whole = vips.Image.new_from_memory(pixels, row_pixels, height, samples, "uchar").copy(interpretation="srgb")
    image = _shrink(whole.crop(0, 0, width, height), size, in_sixteen_bits=_is_hdr(colour))
    if isinstance(colour, ColourSpace) and colour.is_hdr:
        return _picture(to_sdr(image, colour))
    picture = _picture(image)
    return to_srgb(picture, as_profile(colour, picture))


def _source(vips: Any, file: BinaryIO) -> Any:
    """Pass a real file by its descriptor, so that libvips can map it; pass any other file as a copy of its bytes."""
    try:
        descriptor = file.fileno()
    except io.UnsupportedOperation:
        content = bytearray(file.seek(0, io.SEEK_END))
        file.seek(0)
        cast(io.BufferedIOBase, file).readinto(content)
        return vips.Source.new_from_memory(content)
    return vips.Source.new_from_descriptor(descriptor)


def _load(vips: Any, source: Any, anatomy: Anatomy, size: tuple[int, int]) -> Any:
    """
    Load the stored picture, at a smaller scale if its decoder can and *size* allows.

    Samples that are neither colour nor transparency are dropped.
    """
    scale = _scale(anatomy, size)
    scaling = {"scale": scale} if scale < 1 else {}
    try:
        image = vips.Operation.call(_LOADERS[anatomy.format], source, **scaling, **_LOADING)
    except vips.Error as error:
        raise UnknownVariety(_words(error)) from error
    # The decoder does not scale an animation that has a transparent frame, or a frame that does not fill the canvas.
    whole, scaled = (anatomy.width, anatomy.height), (round(anatomy.width * scale), round(anatomy.height * scale))
    if anatomy.format is not formats.AVIF:
        check_size((image.width, image.height), whole, scaled)
    elif (image.width, image.height) != anatomy.upright_size:
        raise UnknownVariety("its decoder turns or crops it in another way")
    if image.interpretation not in _COLOUR_SAMPLES:
        raise UnknownVariety(f"it does not know colours of the kind {image.interpretation}")
    samples = _COLOUR_SAMPLES[image.interpretation] + (anatomy.has_alpha and _has_alpha(image))
    return image if samples == image.bands else image.extract_band(0, n=samples)


def _scale(anatomy: Anatomy, size: tuple[int, int]) -> float:
    """
    Return the factor, at most 1, by which the decoder is to scale.

    The size of the original comes from the *anatomy*. To tell it, libvips would have to open the WebP, and so reserve
    the whole canvas: that counts as memory even though nothing is written to it.
    """
    if anatomy.format is not formats.WEBP:
        return 1
    across, down = stored(size, anatomy)
    target = max(across / anatomy.width, down / anatomy.height)
    scale = target * _SCALE_FACTOR
    if anatomy.has_alpha_apart:
        pixels = anatomy.width * anatomy.height
        most = math.sqrt(max(_MOST_BYTES_OF_APART - _APART_BYTES * pixels, 0) / (_SCALED_BYTES * pixels))
        scale = max(scale, min(target * _SCALE_FACTOR_OF_APART, most))
    return min(scale, 1)


def _picture(image: Any) -> Image.Image:
    mode = _MODES[image.interpretation, image.bands]
    return Image.frombytes(mode, (image.width, image.height), image.write_to_memory())


def _has_alpha(image: Any) -> bool:
    return bool(image.bands > _COLOUR_SAMPLES[image.interpretation])


def _is_hdr(colour: bytes | ColourSpace | None) -> bool:
    return isinstance(colour, ColourSpace) and colour.is_hdr


def _shrink(image: Any, size: tuple[int, int], *, in_sixteen_bits: bool = False) -> Any:
    if in_sixteen_bits:
        image = deepened(image)
    if (image.width, image.height) == size:
        return image
    # Colours must weigh by their alpha, or the colours of transparent pixels bleed into the edges.
    weighed = image.premultiply() if _has_alpha(image) else image
    width, height = size
    smaller = weighed.resize(width / image.width, vscale=height / image.height, gap=_GAP)
    return smaller.unpremultiply().cast(image.format) if _has_alpha(image) else smaller


def _by_profile(vips: Any, image: Any, profile: bytes | None) -> Any:
    """
    Convert samples of more than 8 bits to sRGB if *profile* is sound and has their colour model; else change nothing.

    `colour.to_srgb` could do so only in 8 bits: too few if the profile's curve is far from that of sRGB.
    """
    if profile is None:
        return image
    if image.interpretation == "grey16" and profile[_MODEL_AT] == _MODELS[3]:
        image = image.bandjoin([image, image]) if image.bands == 1 else image[0].bandjoin([image[0], image])
        image = image.copy(interpretation="rgb16")
    colours = _COLOUR_SAMPLES[image.interpretation]
    if profile[_MODEL_AT] != _MODELS[colours]:
        return image
    plain = image.extract_band(0, n=colours).copy()
    plain.set_type(vips.GValue.blob_type, "icc-profile-data", profile)
    try:
        converted = plain.icc_transform("srgb", embedded=True, intent="perceptual", depth=8)
    except vips.Error:
        return image
    if colours == 1:
        converted = converted.extract_band(0).copy(interpretation="b-w")  # a grey profile holds only a tone curve
    return converted.bandjoin(_alpha(image)) if _has_alpha(image) else converted


def _in_bytes(image: Any) -> Any:
    """Convert *image* to 8-bit samples, in one of `_MODES`."""
    if image.format == "uchar":
        return image
    colours = _COLOUR_SAMPLES[image.interpretation]
    plain = image.extract_band(0, n=colours)
    match image.interpretation:
        case "lab" | "labs":
            plain = plain.colourspace("lab").icc_export(output_profile="srgb", intent="perceptual")
        case "scrgb":
            plain = plain.colourspace("srgb")
        case _ if image.format == "ushort":
            kind = {1: "b-w", 3: "srgb", 4: "cmyk"}[colours]
            plain = (plain / 257).rint().cast("uchar").copy(interpretation=kind)
        case _:
            plain = _stretched(plain)
    return plain.bandjoin(_alpha(image)) if _has_alpha(image) else plain


def _stretched(image: Any) -> Any:
    """Map samples of any range to 0 to 255: the least value becomes 0, the highest 255."""
    image = image.copy_memory()
    low, high = image.min(), image.max()
    return ((image - low) * (255 / (high - low) if high > low else 0)).rint().cast("uchar")


def _alpha(image: Any) -> Any:
    highest = {"rgb16": 65535, "grey16": 65535, "scrgb": 1}.get(image.interpretation, 255)
    return (image.extract_band(image.bands - 1) * (255 / highest)).rint().cast("uchar")


def _check_room(anatomy: Anatomy, size: tuple[int, int]) -> None:
    """
    Raise `MemoryError` if there is no memory for the picture.

    libvips decodes in a thread of its own, and reports a decoder that found no memory just like one that found the
    picture broken.
    """
    needed = anatomy.held_bytes
    if anatomy.has_alpha_apart:
        pixels = anatomy.width * anatomy.height
        needed = int(pixels * (_APART_BYTES + _SCALED_BYTES * _scale(anatomy, size) ** 2))
    bytes(needed + _ROOM_BYTES)  # fails without memory; succeeds at no cost, as nothing is written to it


def _words(error: Any) -> str:
    """Return the first line of *error*. libvips gathers several faults in one."""
    return str(error.detail).strip().split("\n", 1)[0]


def attention(image: Image.Image, size: tuple[int, int]) -> tuple[int, int]:
    """Return (left, top) of that part of *size* of *image* which has the most edges, skin and strong colours."""
    vips = library()
    seen = image.convert("RGBA" if image.has_transparency_data else "RGB")
    pixels = vips.Image.new_from_memory(seen.tobytes(), *seen.size, len(seen.getbands()), "uchar")
    width, height = size
    kept = pixels.copy(interpretation="srgb").smartcrop(width, height, interesting="attention")
    return -kept.xoffset, -kept.yoffset
