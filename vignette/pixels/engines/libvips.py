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
from collections.abc import Sequence
from typing import Any, BinaryIO, Final, cast

from PIL import Image

from vignette.limits import MIB
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.colour import profile_of, to_srgb
from vignette.pixels.colour_space import ColourSpace
from vignette.pixels.engines import deep, hdr
from vignette.pixels.engines.deep import library
from vignette.pixels.engines.sizes import check_size, stored
from vignette.pixels.engines.variety import UnknownVariety
from vignette.pixels.formats import Format
from vignette.pixels.resampling import upright
from vignette.pixels.samples import Alpha, Samples

_LOADERS: Final[dict[Format, str]] = {
    formats.PNG: "pngload_source",
    formats.APNG: "pngload_source",
    formats.WEBP: "webpload_source",
    formats.TIFF: "tiffload_source",
    # Pillow is asked first for these.
    formats.JPEG: "jpegload_source",
    formats.AVIF: "heifload_source",
}

FORMATS: Final = frozenset(_LOADERS)

# Sequential: libvips decodes each row once, from top to bottom. A fault in any row is a fault of the picture.
_LOADING: Final = {"access": "sequential", "fail_on": "error"}

# libjpeg tells of damaged pixels by warnings alone. libheif cannot stream.
_OTHER_LOADING: Final[dict[Format, dict[str, object]]] = {
    formats.JPEG: {"access": "sequential", "fail_on": "warning"},
    formats.AVIF: {"fail_on": "error"},
}

# libheif turns and crops a picture itself.
_TURNED_BY_DECODER: Final = frozenset({formats.AVIF, formats.HEIC, formats.HEIF})

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

# A file of several pieces is copied up to this size: that is quicker than to call us for each part that is read.
_MOST_COPIED_BYTES: Final = 16 * MIB

# libvips takes this much on top of what any decoder of the picture must hold: for its threads, and for rows in transit.
_ROOM_BYTES: Final = 32 * MIB

_MODES: Final = {("b-w", 1): "L", ("srgb", 3): "RGB", ("srgb", 4): "RGBA", ("cmyk", 4): "CMYK"}


def is_first_for(anatomy: Anatomy) -> bool:
    """
    Whether this engine is to be asked first for the AVIF of *anatomy*.

    That is so for HDR, of which Pillow would keep 8 bits, unless it is so large that this engine lacks the memory.
    """
    is_hdr = isinstance(anatomy.colour, ColourSpace) and anatomy.colour.is_hdr
    return is_hdr and anatomy.width * anatomy.height * _AVIF_BYTES <= _MOST_BYTES_OF_AVIF


def decode(file: BinaryIO, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    """As `engines.decode`, for one of `FORMATS`; raise `UnknownVariety` if libvips cannot read the file."""
    if anatomy.aperture is not None:
        raise UnknownVariety("it crops no AVIF")
    vips = library()
    try:
        if anatomy.samples.are_apart:
            sources = _sources(vips, file, anatomy)
            return finished(_joined(vips, sources, anatomy), anatomy, size)
        source = _source(vips, file)  # libvips does not keep what its bytes are in
        return finished(_load(vips, source, anatomy, size), anatomy, size)
    except vips.Error as error:
        _check_room(anatomy, size)
        raise OSError(words(error)) from error


def finished(image: Any, anatomy: Anatomy, size: tuple[int, int]) -> Image.Image:
    """Return *image*, the stored picture, upright, in sRGB and 8 bits, at *size*: (width, height) in pixels."""
    is_turned = anatomy.format in _TURNED_BY_DECODER
    target = size if is_turned else stored(size, anatomy)
    colour = anatomy.colour
    if isinstance(colour, ColourSpace) and colour.is_hdr:
        picture = hdr.picture(deep.shrink(hdr.deepened(image), target), colour)
        return picture if is_turned else upright(picture, anatomy.orientation)
    profile = profile_of(colour, deep.COLOUR_SAMPLES[image.interpretation])
    small = deep.shrink(deep.normal(image, anatomy.samples, profile), target)
    colours, alpha, is_done = deep.parts(small, anatomy.samples, profile)
    picture = to_srgb(_picture(colours), None if is_done else profile)
    if alpha is not None:
        picture.putalpha(_picture(alpha))
    return picture if is_turned else upright(picture, anatomy.orientation)


def shrunk_samples(image: Image.Image, samples: Samples, size: tuple[int, int], profile: bytes | None) -> Image.Image:
    """Return *image*, which Pillow has decoded in mode I or F from grey *samples*, at *size*, in sRGB and mode L."""
    vips = library()
    kind = "int" if image.mode == "I" else "float"
    whole = vips.Image.new_from_memory(image.tobytes(), *image.size, 1, kind).copy(interpretation="b-w")
    small = deep.shrink(deep.normal(whole, samples, profile), size)
    colours, _, is_done = deep.parts(small, samples, profile)
    return to_srgb(_picture(colours), None if is_done else profile)


def shrunk(
    pixels: memoryview,
    dimensions: tuple[int, int],
    samples: int,
    row_pixels: int,
    anatomy: Anatomy,
    size: tuple[int, int],
) -> Image.Image:
    """
    As `finished`, of a picture that another library has decoded: the whole picture is not copied.

    *dimensions* are its width and height in pixels. Each pixel has 3 *samples* (RGB) or 4 (RGBA) of one byte. In
    *pixels*, each row takes the room of *row_pixels* pixels.
    """
    vips = library()
    width, height = dimensions
    whole = vips.Image.new_from_memory(pixels, row_pixels, height, samples, "uchar").copy(interpretation="srgb")
    return finished(whole.crop(0, 0, width, height), anatomy, size)


def _source(vips: Any, file: BinaryIO) -> Any:
    """Pass a real file by its descriptor: libvips can map it. Pass a copy of another one, unless it is large."""
    try:
        return vips.Source.new_from_descriptor(file.fileno())
    except io.UnsupportedOperation:
        pass
    length = file.seek(0, io.SEEK_END)
    file.seek(0)
    if length > _MOST_COPIED_BYTES:
        source = vips.SourceCustom()
        source.on_read(file.read)
        source.on_seek(file.seek)
        return source
    content = bytearray(length)
    cast(io.BufferedIOBase, file).readinto(content)
    return vips.Source.new_from_memory(content)


def _sources(vips: Any, file: BinaryIO, anatomy: Anatomy) -> list[Any]:
    """Return a source for each plane: they are read at the same time, each at a place of its own."""
    samples = anatomy.samples
    content = file.read()
    count = samples.colours.samples + (samples.alpha is not Alpha.NONE)
    return [vips.Source.new_from_memory(content) for _ in range(count)]


def _joined(vips: Any, sources: Sequence[Any], anatomy: Anatomy) -> Any:
    """Load the picture whose planes are pages, as `tiff_pixels` has made them."""
    planes = []
    for page, source in enumerate(sources):
        try:
            plane = vips.Operation.call(_LOADERS[anatomy.format], source, page=page, **_LOADING)
        except vips.Error as error:
            raise UnknownVariety(words(error)) from error
        check_size((plane.width, plane.height), (anatomy.width, anatomy.height))
        planes.append(plane)
    return deep.joined_planes(planes, anatomy.samples)


def _load(vips: Any, source: Any, anatomy: Anatomy, size: tuple[int, int]) -> Any:
    """
    Load the stored picture, at a smaller scale if its decoder can and *size* allows.

    Samples that are neither colour nor transparency are dropped.
    """
    scale = _scale(anatomy, size)
    scaling = {"scale": scale} if scale < 1 else {}
    try:
        loading = _OTHER_LOADING.get(anatomy.format, _LOADING)
        image = vips.Operation.call(_LOADERS[anatomy.format], source, **scaling, **loading)
    except vips.Error as error:
        raise UnknownVariety(words(error)) from error
    # The decoder does not scale an animation that has a transparent frame, or a frame that does not fill the canvas.
    whole, scaled = (anatomy.width, anatomy.height), (round(anatomy.width * scale), round(anatomy.height * scale))
    turned = (anatomy.upright_size,) if anatomy.format in _TURNED_BY_DECODER else (whole, scaled)
    check_size((image.width, image.height), *turned)
    if anatomy.samples.are_doubles:
        image = deep.joined_halves(image, anatomy.samples)
    if image.interpretation not in deep.COLOUR_SAMPLES:
        raise UnknownVariety(f"it does not know colours of the kind {image.interpretation}")
    samples = deep.COLOUR_SAMPLES[image.interpretation] + (anatomy.has_alpha and deep.has_alpha(image))
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
    return Image.frombytes(mode, (image.width, image.height), deep.undamaged(image.write_to_memory))


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


def words(error: Any) -> str:
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
