"""What type of samples the pixels of a TIFF page are stored in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vignette.errors import BrokenImage, UnsupportedFormat
from vignette.pixels.containers.reader import Reader
from vignette.pixels.containers.tiff_directory import Directory, Layout
from vignette.pixels.samples import WEBP, ZSTANDARD, Alpha, Colours, Kind, Samples

_BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES_PER_PIXEL, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 258, 259, 262, 277, 338, 339
_PLANAR, _PREDICTOR, _TILE_WIDTH, _GDAL_NODATA = 284, 317, 322, 42113

_JPEG: Final = 7
# The compressions that only one engine knows.
_COMPRESSIONS: Final = {50000: ZSTANDARD, 50001: WEBP}
_SEPARATE_PLANES: Final = 2

_COLOURS: Final = {
    0: Colours.GREY,
    1: Colours.GREY,
    2: Colours.RGB,
    3: Colours.PALETTE,
    5: Colours.CMYK,
    6: Colours.YCBCR,
    8: Colours.LAB,
}
# 4 stands for "not said". Writers that leave it at 0 mean the default.
_KINDS: Final = {0: Kind.UNSIGNED, 1: Kind.UNSIGNED, 2: Kind.SIGNED, 3: Kind.FLOAT, 4: Kind.UNSIGNED}
_ALPHAS: Final = {1: Alpha.PREMULTIPLIED, 2: Alpha.STRAIGHT}

# The longest number that GDAL writes has some 25 digits.
_MAX_NUMBER_BYTES: Final = 64


def samples_of(reader: Reader, layout: Layout, directory: Directory, what: str) -> Samples:
    """
    Return the type of the samples of the page *what*, whose tags are in *directory*.

    A sample that follows grey or RGB, and of which the file does not say what it is, is the alpha: writers forget the
    tag ExtraSamples, and other readers take it so.

    Raises:
        UnsupportedFormat: The samples of a pixel are of several types, or of none that has a name.
    """

    (count,) = _numbers(reader, layout, directory, _SAMPLES_PER_PIXEL, 1)
    (photometric,) = _numbers(reader, layout, directory, _PHOTOMETRIC, 1, 0)
    (compression,) = _numbers(reader, layout, directory, _COMPRESSION, 1)
    (planar,) = _numbers(reader, layout, directory, _PLANAR, 1)
    (predictor,) = _numbers(reader, layout, directory, _PREDICTOR, 1)
    depths = _numbers(reader, layout, directory, _BITS, count)
    formats = _numbers(reader, layout, directory, _SAMPLE_FORMAT, count)
    extras = _numbers(reader, layout, directory, _EXTRA_SAMPLES, 1, 0)
    colours = _COLOURS[photometric]
    if len(set(depths)) > 1:
        raise UnsupportedFormat(f"{what} has samples of different depths: {', '.join(map(str, depths))} bits")
    extra = count - colours.samples
    if extra < 0:
        raise UnsupportedFormat(f"{what} is in {colours.value}, with {count} samples per pixel")
    return Samples(
        colours=colours,
        bits=depths[0],
        kind=_kind(formats, colours, what),
        alpha=_alpha(directory, extras[0], colours, extra),
        extra=extra,
        white_is_zero=photometric == 0,
        in_planes=planar == _SEPARATE_PLANES,
        in_tiles=_TILE_WIDTH in directory.entries,
        is_big_endian=layout.order == ">",
        is_bigtiff=layout.is_big,
        no_data=_no_data(reader, layout, directory),
        compression=_COMPRESSIONS.get(compression, ""),
        is_jpeg=compression == _JPEG,
        is_predicted=predictor > 1,
    )


def _numbers(
    reader: Reader, layout: Layout, directory: Directory, tag: int, most: int, default: int = 1
) -> Sequence[int]:
    """Return the first *most* numbers of *tag*, or else the *default* of the standard."""
    entry = directory.entries.get(tag)
    return (list(entry.numbers(reader, layout, most)) if entry else []) or [default]


def _kind(formats: Sequence[int], colours: Colours, what: str) -> Kind:
    if colours is Colours.LAB:  # a* and b* are signed in any case, and some writers say so
        return Kind.UNSIGNED
    kinds = {_KINDS.get(number) for number in formats}
    kind = kinds.pop()
    if kinds or kind is None:
        told = ", ".join(map(str, formats))
        raise UnsupportedFormat(f"{what} has samples of the formats {told}, which are not supported")
    return kind


def _alpha(directory: Directory, told: int, colours: Colours, extra: int) -> Alpha:
    if not extra:
        return Alpha.NONE
    if _EXTRA_SAMPLES in directory.entries:
        return _ALPHAS.get(told, Alpha.NONE)
    return Alpha.STRAIGHT if extra == 1 and colours in (Colours.GREY, Colours.RGB) else Alpha.NONE


def _no_data(reader: Reader, layout: Layout, directory: Directory) -> float | None:
    """Return the number that the tag of GDAL tells as text."""
    entry = directory.entries.get(_GDAL_NODATA)
    if entry is None or not 0 < entry.length <= _MAX_NUMBER_BYTES:
        return None
    offset = entry.place(layout)
    try:
        text = entry.inline[: entry.length] if offset is None else reader.read(offset, entry.length, "GDAL_NODATA")
        return float(text.split(b"\0")[0])
    except (ValueError, BrokenImage):
        return None
