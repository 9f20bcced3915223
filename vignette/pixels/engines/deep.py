"""
Brings libvips' images with samples of any type to 8 bits in sRGB, or to inks for `colour.to_srgb`.

There are three forms on the way. `normal` turns what libvips loads into samples of 8 bits, of 16 bits, or into
`measurements`. `shrink` keeps the form. `in_bytes` needs the shrunken picture, because the range of measurements is
known only at the end.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, TypeVar

from vignette.pixels.profile_writing import MODEL_AT, of_three_samples
from vignette.pixels.samples import Alpha, Colours, Kind, Samples

T = TypeVar("T")

# How many samples of a pixel are its colour, by libvips' name for the interpretation of the samples.
COLOUR_SAMPLES: Final = {
    "b-w": 1,
    "grey16": 1,
    "srgb": 3,
    "rgb16": 3,
    "scrgb": 3,
    "lab": 3,
    "labs": 3,
    "cmyk": 4,
}

# libvips' names for samples of 16 bits and of 8 bits, by the number of colour samples.
_SIXTEEN: Final = {1: "grey16", 3: "rgb16", 4: "cmyk"}
_EIGHT: Final = {1: "b-w", 3: "srgb", 4: "cmyk"}

# The names of colour models in ICC profiles, by the number of colour samples (ICC.1:2022, table 19).
_MODELS: Final = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}

_HIGHEST: Final = 65535
_LAB: Final = ("lab", "labs")
_COLOURED: Final = 3

# Programs that measure write the least number of a type, or one far out of its range, for "not measured".
_FARTHEST: Final = 1e38
_NO_DATA: Final = (-9999.0, -32768.0, -32767.0, -2147483648.0)

# Resampling goes over an edge by up to a tenth of its height.
_OVERSHOOT: Final = 0.1

# libvips first averages whole pixels down to about this many times the target size, then applies the resampling filter.
_GAP: Final = 2.0


@cache
def library() -> Any:
    """Load libvips, which a process must not use before it forks."""
    import pyvips

    # The worker has as many processes as the machine has processors: more threads would only get in their way.
    pyvips.concurrency_set(1)
    # A cache would be of no use: no picture is decoded twice.
    pyvips.cache_set_max(0)
    pyvips.block_untrusted_set(True)
    # pyvips logs a warning for anything odd in a file; real faults are raised.
    logging.getLogger("pyvips").setLevel(logging.ERROR)
    return pyvips


def undamaged(read: Callable[[], T]) -> T:
    """
    Return what *read* returns, a method of an image that decodes its pixels.

    libvips makes a tile black that cannot be decoded, and only notes why. It keeps its notes for all threads, from
    earlier pictures too; pyvips clears them whenever it looks for an attribute or raises an error. A process renders
    one picture at a time.

    Raises:
        pyvips.Error: Pixels cannot be decoded.
    """
    vips = library()
    vips.Error("")
    pixels = read()
    if faults := vips.Error("").detail:
        raise vips.Error("some pixels cannot be decoded", faults)
    return pixels


def joined_halves(image: Any, samples: Samples) -> Any:
    """Return the floating-point picture of 64 bits that *image* has in halves, in 32 bits, its alpha not multiplied."""
    if samples.is_big_endian != (sys.byteorder == "big"):
        first, *others = (image.extract_band(band ^ 1) for band in range(image.bands))
        image = first.bandjoin(others)
    name = "b-w" if samples.colours is Colours.GREY else "scrgb"
    doubles = image.copy(format="double", bands=image.bands // 2, interpretation=name).cast("float")
    return doubles.unpremultiply(max_alpha=1) if samples.alpha is Alpha.PREMULTIPLIED else doubles


def joined_planes(planes: Sequence[Any], samples: Samples) -> Any:
    """Return the picture of which the *planes* are grey pictures."""
    first, *others = planes
    names = _EIGHT if first.format == "uchar" else _SIXTEEN
    name = names[samples.colours.samples]
    if samples.kind is Kind.FLOAT and name == "rgb16":
        name = "scrgb"
    return first.bandjoin(others).copy(interpretation=name)


def has_alpha(image: Any) -> bool:
    return bool(image.bands > COLOUR_SAMPLES[image.interpretation])


def normal(image: Any, samples: Samples, profile: bytes | None) -> Any:
    """
    Return *image* in samples of 8 or 16 bits, of which 0 is none and the highest is full, or as measurements.

    Measurements are floating-point grey with an alpha of up to 65535, which is 0 where nothing was measured. A grey
    *profile* says that the samples are a picture, and so does any colour.
    """
    colours = COLOUR_SAMPLES[image.interpretation]
    if image.format in ("uchar", "ushort") or image.interpretation in _LAB:
        return image
    if samples.may_be_measurements and not fits(profile, colours):
        return _measurements(image, samples)
    scaled = _upright_lightness(image, samples).linear([_HIGHEST / samples.highest], [0])
    whole = (scaled > 0).ifthenelse(scaled, 0).rint().cast("ushort")  # NaN is not over 0
    return whole.copy(interpretation=_SIXTEEN[colours])


def fits(profile: bytes | None, colours: int) -> bool:
    """Whether *profile* is one of the colour model that has so many *colours*."""
    return profile is not None and profile[MODEL_AT] == _MODELS[colours]


def _measurements(image: Any, samples: Samples) -> Any:
    values = image.extract_band(0).cast("float")
    is_there = (values > -_FARTHEST) & (values < _FARTHEST)
    for number in {*_NO_DATA, samples.no_data} - {None}:
        is_there &= values != number
    alpha = image.extract_band(1) * (_HIGHEST / samples.highest) if image.bands > 1 else is_there * (_HIGHEST / 255)
    both = _upright_lightness(values, samples).bandjoin(alpha.cast("float"))
    return is_there.ifthenelse(both, 0).cast("float").copy(interpretation="grey16")


def _upright_lightness(image: Any, samples: Samples) -> Any:
    """Return *image* so that 0 is dark. libvips has turned whole numbers without a sign already."""
    if not samples.white_is_zero or samples.kind is Kind.UNSIGNED:
        return image
    grey = samples.highest - image.extract_band(0)
    return grey.bandjoin(image.extract_band(1)) if image.bands > 1 else grey


def is_measured(image: Any) -> bool:
    return bool(image.format == "float" and image.interpretation == "grey16")


def shrink(image: Any, size: tuple[int, int]) -> Any:
    """Return *image*, in a form that `normal` returns, at *size*: (width, height) in pixels."""
    if (image.width, image.height) == size:
        return image
    width, height = size
    # Colours must weigh by their alpha, or the colours of transparent pixels bleed into the edges.
    most = _most(image)
    weighed = image.premultiply(max_alpha=most) if has_alpha(image) else image
    smaller = weighed.resize(width / image.width, vscale=height / image.height, gap=_GAP)
    return smaller.unpremultiply(max_alpha=most).cast(image.format) if has_alpha(image) else smaller


def _most(image: Any) -> int:
    """Return the alpha of what is opaque."""
    return _HIGHEST if image.format == "ushort" or is_measured(image) else 255


def parts(image: Any, samples: Samples, profile: bytes | None) -> tuple[Any, Any | None, bool]:
    """
    Return the colours of the shrunken *image* and its alpha, or None, in 8 bits; and whether they are in sRGB already.

    The *profile* is applied to samples of more than 8 bits, if it is sound and of their colour model: in 8 bits there
    would be too few if the profile's curve is far from that of sRGB.
    """
    if image.format == "uchar" and not has_alpha(image):
        return image, None, False
    image = undamaged(image.copy_memory)  # it may be decoded once only, and its parts are read one after the other
    if image.format == "ushort" and image.interpretation == "grey16" and fits(profile, _COLOURED):
        image = _coloured(image)
    colours = COLOUR_SAMPLES[image.interpretation]
    plain = image.extract_band(0, n=colours) if has_alpha(image) else image
    alpha = image.extract_band(colours).copy(interpretation="b-w") if has_alpha(image) else None
    if image.format == "uchar":
        return plain, alpha, False
    if is_measured(image):
        plain = _stretched(plain, alpha, samples)
        seen = alpha if samples.alpha is not Alpha.NONE else None
        return _lowered(plain), None if seen is None else _lowered(seen), False
    if image.interpretation in _LAB:
        in_lab = plain.colourspace("lab").icc_export(output_profile="srgb", intent="perceptual")
        return in_lab, None if alpha is None else alpha.rint().cast("uchar"), True
    converted = _by_profile(plain, profile) if fits(profile, colours) else None
    lowered = _lowered(plain if converted is None else converted)
    return lowered, None if alpha is None else _lowered(alpha), converted is not None


def _coloured(image: Any) -> Any:
    """Return grey in red, green and blue, for a profile of these."""
    others = [image.extract_band(0), image]
    return image.extract_band(0).bandjoin(others).copy(interpretation="rgb16")


def _by_profile(image: Any, profile: bytes | None) -> Any | None:
    """Return *image*, in samples of 16 bits, in sRGB, of 16 bits too; None if the *profile* is not sound."""
    vips = library()
    in_three = of_three_samples(profile) if profile is not None and image.bands == 1 else None
    if in_three is not None:
        profile = in_three
    tagged = _coloured(image) if in_three is not None else image.copy()
    tagged.set_type(vips.GValue.blob_type, "icc-profile-data", profile)
    try:
        converted = tagged.icc_transform("srgb", embedded=True, intent="perceptual", depth=16).copy_memory()
    except vips.Error:
        return None
    # A grey profile holds only a tone curve.
    return converted.extract_band(0).copy(interpretation="grey16") if image.bands == 1 else converted


def _lowered(image: Any) -> Any:
    """Return *image*, of samples from 0 to 65535, in 8 bits."""
    return (image / 257).rint().cast("uchar").copy(interpretation=_EIGHT[image.bands])


def _stretched(values: Any, alpha: Any, samples: Samples) -> Any:
    """
    Map measurements to 0 to 65535. What was not measured becomes 0.

    If they fill at least half of 0 to the highest sample and lie within, they are a picture, and keep their lightness.
    Else the least of them becomes 0, and the highest 65535.
    """
    is_there = alpha > _HIGHEST / 100
    low, high = is_there.ifthenelse(values, _FARTHEST).min(), is_there.ifthenelse(values, -_FARTHEST).max()
    top, slack = samples.highest, samples.highest * _OVERSHOOT
    if -slack <= low and high <= top + slack and high - low >= top / 2:
        low, high = 0.0, top
    scale = _HIGHEST / (high - low) if high > low else 0.0
    return is_there.ifthenelse((values - low) * scale, 0)
