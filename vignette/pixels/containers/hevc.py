"""
The size that an HEVC decoder decodes: ITU-T H.265, 7.3.2.2, and ISO/IEC 14496-15, 8.3.

A HEIF tells a size of its own, which the decoder never looks at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from vignette.errors import BrokenImage, UnsupportedFormat
from vignette.limits import KIB
from vignette.pixels.containers.bits import Bits
from vignette.pixels.containers.boxes import Box, Fields
from vignette.pixels.containers.heif_extents import CodedData
from vignette.pixels.containers.hevc_colour import colour_after_size
from vignette.pixels.containers.reader import Reader

_SPS: Final = 33

# The bytes before `numOfArrays`: what a decoder may know without the arrays.
_FIXED_BYTES: Final = 21
_LENGTH_BYTES: Final = 4

# Within them: the chroma format, and the bits of brightness over 8.
_CHROMA_AT, _DEPTH_AT = 16, 17
# By chroma format: none, 4:2:0, 4:2:2, 4:4:4 (table 6-1).
_SAMPLES_PER_PIXEL: Final = (1, 1.5, 2, 3)

# A VPS, an SPS and a PPS: the parameter sets of a picture have nothing larger.
_MAX_CONFIGURATION_BYTES: Final = 64 * KIB
_MAX_SPS_HEAD: Final = 1 * KIB

_STEPS_PER_SET: Final = 20

# In which units the conformance window counts pixels across and down, by chroma format; 1 in others (table 6-1).
_WINDOW_UNITS: Final = {1: (2, 2), 2: (2, 1)}

# The chroma format 4:4:4 (table 6-1).
_FULL_COLOUR: Final = 3


@dataclass(frozen=True, slots=True)
class Size:
    """The (width, height) in pixels that is `coded`, and what the decoder gives of it; None if the set is cut short."""

    coded: tuple[int, int]
    shown: tuple[int, int] | None


def configured_sizes(reader: Reader, configuration: Box) -> Sequence[Size]:
    """Return the size in each sequence parameter set of the box `hvcC`."""
    if configuration.end - configuration.start > _MAX_CONFIGURATION_BYTES:
        raise BrokenImage(f"{configuration.what} is {configuration.end - configuration.start:,} bytes long")
    fields = Fields(reader, configuration)
    fixed = fields.take(_FIXED_BYTES + 1)
    if fixed[_FIXED_BYTES] & 3 != _LENGTH_BYTES - 1:
        raise UnsupportedFormat("an HEVC picture whose parts do not have lengths of four bytes")
    sizes = []
    for unit in _configured_sets(fields):
        reader.spend(_STEPS_PER_SET)
        sizes.append(_size(unit))
    if not sizes:
        raise BrokenImage(f"{configuration.what} tells no size")
    return sizes


def configured_colour(reader: Reader, configuration: Box) -> tuple[int, int] | None:
    """Return the numbers of primaries and transfer characteristics in the box `hvcC`, which `configured_sizes` took."""
    fields = Fields(reader, configuration)
    fields.take(_FIXED_BYTES + 1)
    for unit in _configured_sets(fields):
        bits, layers, _ = _at_size(unit)
        bits.exp_golomb()
        bits.exp_golomb()
        return colour_after_size(bits, layers)
    return None


def _configured_sets(fields: Fields) -> Iterator[bytes]:
    for _ in range(fields.number(1)):
        fields.take(1)  # the type of all units of the array; the decoder goes by the type in each unit
        for _ in range(fields.number(2)):
            unit = fields.take(fields.number(2))
            if unit and _unit_type(unit) == _SPS:
                yield unit


def plane_bytes(reader: Reader, configuration: Box) -> float:
    """
    Return how many bytes a decoded pixel takes in its planes, by the box `hvcC` (ISO/IEC 14496-15, 8.3.3.1.2).

    Samples of more than 8 bits take two bytes each.
    """
    fixed = Fields(reader, configuration).take(_FIXED_BYTES)
    samples = _SAMPLES_PER_PIXEL[fixed[_CHROMA_AT] & 3]
    return samples * (2 if fixed[_DEPTH_AT] & 7 else 1)


def sizes_within(data: CodedData) -> Iterator[Size]:
    """Yield the same of the sets in a picture itself. They ought not to be there, but a decoder follows them."""
    offset = 0
    while offset < data.length:
        data.spend_unit()
        length = int.from_bytes(data.read(offset, _LENGTH_BYTES), "big")
        offset += _LENGTH_BYTES
        if offset + length > data.length:
            raise BrokenImage(f"{data.what} has a unit of {length:,} bytes, and not as many left")
        if length and _unit_type(data.read(offset, 1)) == _SPS:
            data.spend_header()
            yield _size(data.read(offset, min(length, _MAX_SPS_HEAD)))
        offset += length


def _unit_type(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F


def _size(unit: bytes) -> Size:
    bits, _, chroma = _at_size(unit)
    width, height = bits.exp_golomb(), bits.exp_golomb()
    across, down = _WINDOW_UNITS.get(chroma, (1, 1))
    try:  # the conformance window (7.4.3.2.1)
        left, right, top, bottom = (bits.exp_golomb() for _ in range(4)) if bits.flag() else (0, 0, 0, 0)
    except BrokenImage:
        return Size((width, height), None)
    return Size((width, height), (width - across * (left + right), height - down * (top + bottom)))


def _at_size(unit: bytes) -> tuple[Bits, int, int]:
    """Return the bits of a sequence parameter set from its size on, its temporal layers less one, its chroma format."""
    # A 3 behind two zeros is not content (7.4.2).
    content = unit[2:_MAX_SPS_HEAD].replace(b"\0\0\3", b"\0\0")
    bits = Bits(content, "a sequence parameter set")
    bits.number(4)  # its video parameter set
    layers = bits.number(3)  # temporal layers, less one
    bits.number(1)
    _skip_profile_tier_level(bits, layers)
    bits.exp_golomb()  # its number
    chroma = bits.exp_golomb()
    if chroma == _FULL_COLOUR:
        bits.number(1)
    return bits, layers, chroma


def _skip_profile_tier_level(bits: Bits, layers: int) -> None:
    """Skip 96 bits, and then for each lower layer the parts that its flags announce (7.3.3)."""
    bits.number(96)
    present = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.number(2 * (8 - layers))
    for has_profile, has_level in present:
        bits.number(88 * has_profile + 8 * has_level)
