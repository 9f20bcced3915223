"""
The types of samples that a picture may be stored in, and which of them we render (pure).

`docs/pictures.md` shows this table. The door refuses a type that is not in it; both engines are tested with each type
that is (`tests/unit/pixels/engines/test_samples.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from vignette.errors import UnsupportedFormat

ZSTANDARD: Final = "Zstandard"
WEBP: Final = "WebP"


class Kind(Enum):
    """What a sample is: TIFF's SampleFormat 1 (and 4), 2 and 3 (TIFF 6.0, section 19)."""

    UNSIGNED = "unsigned"
    SIGNED = "signed"
    FLOAT = "floating-point"


class Colours(Enum):
    """What the samples of a pixel measure."""

    GREY = "grey"
    RGB = "RGB"
    PALETTE = "palette"
    CMYK = "CMYK"
    YCBCR = "YCbCr"
    LAB = "L*a*b*"

    @property
    def samples(self) -> int:
        """How many samples of a pixel are its colour."""
        return {Colours.GREY: 1, Colours.PALETTE: 1, Colours.CMYK: 4}.get(self, 3)


class Alpha(Enum):
    """What follows the colours of a pixel: TIFF's ExtraSamples 0, 2 and 1 (TIFF 6.0, section 18)."""

    NONE = "no alpha"
    STRAIGHT = "alpha"
    PREMULTIPLIED = "premultiplied alpha"


@dataclass(frozen=True, slots=True)
class Samples:
    """
    A type of samples.

    `extra` counts the samples of a pixel behind its colours, with the alpha. `no_data` is a value of grey samples that
    stands for "not measured" (GDAL_NODATA). `compression` names one that only one engine knows, and `is_jpeg` tells of
    one that knows 8 bits only; `is_predicted` of samples stored as differences; and `is_bigtiff` of a container that
    Pillow reads if it is little-endian.
    """

    colours: Colours = Colours.RGB
    bits: int = 8
    kind: Kind = Kind.UNSIGNED
    alpha: Alpha = Alpha.NONE
    extra: int = 0
    white_is_zero: bool = False
    in_planes: bool = False
    in_tiles: bool = False
    is_big_endian: bool = False
    no_data: float | None = None
    compression: str = ""
    is_jpeg: bool = False
    is_predicted: bool = False
    is_bigtiff: bool = False

    @property
    def highest(self) -> float:
        """The sample that stands for the full value, such as white; 0 stands for none, such as black."""
        match self.kind:
            case Kind.UNSIGNED:
                return float(2**self.bits - 1)
            case Kind.SIGNED:
                return float(2 ** (self.bits - 1) - 1)
            case Kind.FLOAT:
                return 1.0

    @property
    def may_be_measurements(self) -> bool:
        """
        Whether they may be heights or temperatures, say, as well as a picture.

        If grey samples of this type fill less than half of 0 to `highest`, or leave it, then the least of them is shown
        as black and the highest as white.
        """
        return self.colours is Colours.GREY and (self.kind is not Kind.UNSIGNED or self.bits > 16)

    @property
    def is_left_to_pillow(self) -> bool:
        """Whether libvips does not read them: 12 bits, Zstandard."""
        return self.bits == _PACKED or self.compression == ZSTANDARD

    @property
    def are_apart(self) -> bool:
        """Whether they lie in planes that libvips reads only one by one: in tiles, or of grey and alpha."""
        is_known_together = not self.in_tiles and self.colours is not Colours.GREY
        has_several = self.colours.samples + self.extra > 1
        return self.in_planes and has_several and not is_known_together and not self.is_left_to_pillow

    @property
    def are_doubles(self) -> bool:
        """Whether they have 64 bits. No engine knows these, but libvips knows their halves."""
        return self.bits == _DOUBLE

    @property
    def is_bytes(self) -> bool:
        return self.kind is Kind.UNSIGNED and self.bits == 8

    @property
    def words(self) -> str:
        """As in "signed 16-bit RGB with alpha"."""
        kind = "" if self.kind is Kind.UNSIGNED else f"{self.kind.value} "
        more = "" if self.alpha is Alpha.NONE else f" with {self.alpha.value}"
        return f"{kind}{self.bits}-bit {self.colours.value}{more}"


_U, _S, _F = Kind.UNSIGNED, Kind.SIGNED, Kind.FLOAT

# The depths that are rendered, in bits a sample.
_DEPTHS: Final[Mapping[tuple[Colours, Kind], tuple[int, ...]]] = {
    (Colours.GREY, _U): (1, 2, 4, 8, 12, 16, 32),
    (Colours.GREY, _S): (8, 16, 32),
    (Colours.GREY, _F): (16, 32, 64),
    (Colours.RGB, _U): (8, 16, 32),
    (Colours.RGB, _S): (8, 16, 32),
    (Colours.RGB, _F): (16, 32, 64),
    (Colours.PALETTE, _U): (1, 2, 4, 8),
    (Colours.CMYK, _U): (8, 16),
    (Colours.YCBCR, _U): (8,),
    (Colours.LAB, _U): (8, 16),
}

# Samples of other depths are not followed by others: neither engine takes such pixels apart.
_DEPTHS_WITH_EXTRA: Final = (8, 16, 32, 64)

# Pillow alone takes samples of 12 bits apart.
_PACKED: Final = 12

_DOUBLE: Final = 64

# Zstandard is Pillow's alone, which knows fewer types.
_IN_ZSTANDARD: Final[Mapping[tuple[Colours, Kind], tuple[int, ...]]] = {
    (Colours.GREY, _U): (1, 2, 4, 8, 12, 16),
    (Colours.GREY, _F): (32,),
    (Colours.RGB, _U): (8, 16),
    (Colours.PALETTE, _U): (1, 2, 4, 8),
    (Colours.CMYK, _U): (8, 16),
}


def check(samples: Samples, what: str) -> None:
    """
    Refuse *samples* that no engine renders; *what* names the picture.

    Raises:
        UnsupportedFormat: They are of such a type. The words name the depth.
    """
    depths = _DEPTHS.get((samples.colours, samples.kind), ())
    if samples.bits not in depths:
        known = f"; of these, {_listed(depths)} bits are supported" if depths else ""
        raise UnsupportedFormat(f"{what} is in {samples.words} samples, which is not supported{known}")
    if samples.extra and samples.bits not in _DEPTHS_WITH_EXTRA:
        raise UnsupportedFormat(
            f"{what} is in {samples.words} samples with {samples.extra} more in a pixel, which is not supported"
        )
    if samples.alpha is Alpha.PREMULTIPLIED and not _is_known_premultiplied(samples):
        raise UnsupportedFormat(f"{what} is in {samples.words}, which is not supported")
    if samples.in_planes and not _is_known_in_planes(samples):
        place = "tiles of separate planes" if samples.in_tiles else "separate planes"
        raise UnsupportedFormat(f"{what} is in {samples.words} samples in {place}, which is not supported")
    if samples.white_is_zero and samples.bits == _PACKED:
        raise UnsupportedFormat(f"{what} is in {samples.words} samples of which 0 is white, which is not supported")
    if samples.are_doubles and samples.is_predicted:
        raise UnsupportedFormat(f"{what} is in {samples.words} samples stored as differences, which is not supported")
    if samples.is_jpeg and samples.bits != 8:
        raise UnsupportedFormat(f"{what} is in {samples.words} JPEGs, which is not supported; 8 bits are")
    if samples.is_big_endian and samples.bits == _PACKED:
        raise UnsupportedFormat(f"{what} is in {samples.words} samples in a big-endian file, which is not supported")
    if samples.is_bigtiff and samples.is_big_endian and samples.is_left_to_pillow:
        raise UnsupportedFormat(f"{what} is in {samples.words} samples stored in a way not supported in this BigTIFF")
    if samples.compression and not _is_known_compressed(samples):
        raise UnsupportedFormat(
            f"{what} is in {samples.words} samples compressed by {samples.compression}, which is not supported"
        )


def _is_known_premultiplied(samples: Samples) -> bool:
    """Whether libvips divides the colours by the alpha rightly, as it does when it loads them."""
    if samples.colours is Colours.RGB:
        return samples.kind is _F or (samples.kind is _U and samples.bits <= 16)
    is_plain = samples.kind is _U and not samples.white_is_zero
    return is_plain and (samples.bits == 8 or (samples.bits == 16 and samples.colours is Colours.GREY))


def _is_known_in_planes(samples: Samples) -> bool:
    """Whether an engine puts the planes together rightly."""
    if samples.colours.samples + samples.extra == 1:
        return True
    if samples.colours is Colours.PALETTE or samples.are_doubles:
        return False
    if samples.are_apart:
        is_plain = samples.colours in (Colours.GREY, Colours.RGB, Colours.CMYK) and not samples.is_jpeg
        return is_plain and samples.alpha is not Alpha.PREMULTIPLIED
    if samples.kind is _F and samples.bits != 32:
        return False
    if samples.compression:
        return samples.is_bytes and samples.colours is Colours.RGB and samples.alpha is not Alpha.PREMULTIPLIED
    return True


def _is_known_compressed(samples: Samples) -> bool:
    """Whether the only engine that knows the compression renders such samples rightly."""
    if samples.compression == WEBP:  # it is libvips' alone
        is_plain = samples.extra == (samples.alpha is not Alpha.NONE) and not samples.in_planes
        return samples.is_bytes and samples.colours is Colours.RGB and is_plain
    is_known = samples.bits in _IN_ZSTANDARD.get((samples.colours, samples.kind), ())
    is_known &= not (samples.kind is _F and samples.is_big_endian)  # Pillow does not swap these
    has_known_extra = not samples.extra or (
        samples.extra == 1
        and (samples.bits == 8 or samples.colours is Colours.RGB)
        and samples.colours is not Colours.CMYK
    )
    return is_known and has_known_extra


def _listed(depths: tuple[int, ...]) -> str:
    *others, last = map(str, depths)
    return f"{', '.join(others)} and {last}" if others else last
