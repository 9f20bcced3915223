"""
Maps a picture of HDR to sRGB, with libvips: in all of its samples, and the three colours of a pixel by one factor.

The profiles of `colour.as_profile` can only map each colour by itself, which changes the hues of what is bright.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from PIL import Image

from vignette.pixels.colour_space import BT_2020_PRIMARIES, SRGB_PRIMARIES, ColourSpace, Hdr
from vignette.pixels.engines.deep import library, undamaged
from vignette.pixels.profile_writing import to_linear
from vignette.pixels.tone_mapping import HLG_LUMINANCE, HLG_POWER, counted_headroom, hlg_scene, light_of, shown

# Curves are tables: of samples in 12 bits, and of light in steps that are far finer than those of a screen.
_SAMPLE_BITS: Final = 12
_LAST_SAMPLE: Final = 2**_SAMPLE_BITS - 1
_LAST_STEP: Final = 2**13 - 1

# Grey has one sample, or two with transparency.
_GREY_SAMPLES: Final = 2
_MODES: Final = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}

# Of a picture that is brighter than white, the brightest thousandth does not count: a few glints would darken the rest.
_COUNTED_PERCENT: Final = 99.9


def mapped(image: Image.Image, space: ColourSpace) -> Image.Image:
    """Return *image* (mode L, LA, RGB or RGBA), which is in the HDR *space*, in sRGB."""
    pixels = library().Image.new_from_memory(image.tobytes(), *image.size, len(image.getbands()), "uchar")
    return picture(deepened(pixels), space)


def deepened(image: Any) -> Any:
    """Return *image* with 16 bits a sample: what is averaged of samples of 8 bits has more than 8."""
    if image.format == "ushort":
        return image
    kind = "grey16" if image.bands <= _GREY_SAMPLES else "rgb16"
    return (image * 257).cast("ushort").copy(interpretation=kind)


def picture(image: Any, space: ColourSpace) -> Image.Image:
    """Return *image*, which has 16 bits a sample and is in the HDR *space*, in sRGB (mode L, LA, RGB or RGBA)."""
    mapped_image = _to_sdr(image, space)
    return Image.frombytes(_MODES[image.bands], (image.width, image.height), mapped_image.write_to_memory())


def _to_sdr(image: Any, space: ColourSpace) -> Any:
    image = undamaged(image.copy_memory)  # it is looked at twice, and may be decoded once
    is_grey = image.bands <= _GREY_SAMPLES
    colours = _colours_to_sdr(image[0].bandjoin([image[0], image[0]]) if is_grey else image[0:3], space)
    if is_grey:
        colours = colours[1].copy(interpretation="b-w")
    return colours if image.bands % 2 else colours.bandjoin((image[image.bands - 1] / 257).rint().cast("uchar"))


def _colours_to_sdr(image: Any, space: ColourSpace) -> Any:
    samples = (image >> 16 - _SAMPLE_BITS).copy_memory()
    headroom = counted_headroom(space, _highest(samples).percent(_COUNTED_PERCENT) / _LAST_SAMPLE)
    light = samples.maplut(_rows([_curve(space)]))
    if space.curve is Hdr.HLG:
        light *= light.recomb(_rows([HLG_LUMINANCE])) ** HLG_POWER
    light = light.recomb(_rows(to_linear(space.primaries, BT_2020_PRIMARIES)))
    brightest = _highest(light)
    step = _LAST_STEP / 2**headroom
    factors = (brightest * step).cast("ushort").maplut(_rows([_factors(headroom)]))
    # What is brighter than the table is as bright as the screen.
    shown_light = light * (brightest * step > _LAST_STEP).ifthenelse(1 / brightest, factors)
    linear = shown_light.recomb(_rows(to_linear(BT_2020_PRIMARIES, SRGB_PRIMARIES)))
    return linear.copy(interpretation="scrgb").colourspace("srgb")


def _rows(rows: Sequence[Sequence[float]]) -> Any:
    """Return a matrix, or a table, which is a matrix of one row."""
    return library().Image.new_from_array([list(row) for row in rows])


def _highest(image: Any) -> Any:
    return image[0].bandrank([image[1], image[2]], index=2)


@lru_cache(2)
def _curve(space: ColourSpace) -> list[float]:
    samples = [sample / _LAST_SAMPLE for sample in range(_LAST_SAMPLE + 1)]
    if space.curve is Hdr.HLG:
        return [hlg_scene(sample) for sample in samples]
    return [light_of(Hdr.PQ, sample) for sample in samples]


@lru_cache(8)
def _factors(headroom: float) -> list[float]:
    step = 2**headroom / _LAST_STEP
    return [shown(0, headroom), *(shown(index * step, headroom) / (index * step) for index in range(1, _LAST_STEP + 1))]
