"""
The size that an AV1 decoder decodes: AV1 Bitstream & Decoding Process Specification, 5.3 to 5.9.

An AVIF tells a size of its own, which the decoder never looks at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vignette.errors import BrokenImage, UnsupportedFormat
from vignette.limits import KIB
from vignette.pixels.containers.bits import Bits
from vignette.pixels.containers.heif_extents import CodedData

_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME, _REDUNDANT_FRAME_HEADER = 1, 3, 6, 7

# A sequence header has numbers of at most 32 bits; its 32 operating points of 12 bytes are most of it.
_MAX_HEADER_BYTES: Final = 1 * KIB
# What a frame header says before its size takes some 60 bits.
_FRAME_HEAD_BYTES: Final = 32

_LEB128_BYTES: Final = 8
_SWITCH_FRAME: Final = 3
_SELECT: Final = 2
# Profiles: colours of full resolution are never grey; up to 12 bits.
_HIGH, _PROFESSIONAL = 1, 2


@dataclass(frozen=True, slots=True)
class Sequence:
    """What a sequence header says: the largest size, and how to read the beginning of a frame header."""

    width: int
    height: int
    is_reduced: bool = False
    has_decoder_model: bool = False
    equal_intervals: bool = False
    presentation_bits: int = 0
    frame_id_bits: int = 0
    screen_content: int = _SELECT
    integer_motion: int = _SELECT
    cicp: tuple[int, int] | None = None
    """The numbers of primaries and transfer characteristics (ITU-T H.273), if it tells them."""
    is_grey: bool = False


def read_sequence(data: CodedData, sequence: Sequence | None = None) -> Sequence:
    """
    Return the sequence header of the picture *data*; *sequence* is that of the picture before it, if there is one.

    Raises:
        BrokenImage: There is no such header, or several that tell different sizes.
        UnsupportedFormat: A frame has a size of its own.
    """
    for kind, offset, length in _units(data):
        if kind == _SEQUENCE_HEADER:
            following = _sequence(_bits(data, offset, min(length, _MAX_HEADER_BYTES)))
            if sequence and (following.width, following.height) != (sequence.width, sequence.height):
                raise BrokenImage(f"{data.what} is of several sizes")
            sequence = following
        elif kind in (_FRAME_HEADER, _FRAME, _REDUNDANT_FRAME_HEADER):
            if sequence is None:
                raise BrokenImage(f"{data.what} has a frame before its sequence header")
            if _has_own_size(_bits(data, offset, min(length, _FRAME_HEAD_BYTES)), sequence):
                raise UnsupportedFormat(f"{data.what} has a frame of another size than its sequence header")
    if sequence is None:
        raise BrokenImage(f"{data.what} lacks its sequence header")
    return sequence


def _bits(data: CodedData, offset: int, length: int) -> Bits:
    data.spend_header()
    return Bits(data.read(offset, length), data.what)


def _units(data: CodedData) -> Iterator[tuple[int, int, int]]:
    """Yield the type of each unit, where its content begins, and how long it is (5.3)."""
    offset = 0
    while offset < data.length:
        data.spend_unit()
        (header,) = data.read(offset, 1)
        offset += 2 if header & 4 else 1  # the header has an extension
        length = data.length - offset
        if header & 2:
            length, offset = _leb128(data, offset)
        if header & 0x80 or length < 0 or offset + length > data.length:
            raise BrokenImage(f"{data.what} has a damaged unit")
        yield header >> 3 & 15, offset, length
        offset += length


def _leb128(data: CodedData, offset: int) -> tuple[int, int]:
    """Return a number of 7 bits a byte, the lowest first, and where it ends (4.10.5)."""
    value = 0
    for index in range(_LEB128_BYTES):
        (byte,) = data.read(offset + index, 1)
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, offset + index + 1
    raise BrokenImage(f"{data.what} has a damaged unit")


def _sequence(bits: Bits) -> Sequence:
    """Read a sequence header (5.5.1), as far as the beginning of a frame header depends on it."""
    profile = bits.number(3)
    bits.number(1)  # still picture
    is_reduced = bits.flag()
    has_decoder_model = equal_intervals = False
    presentation_bits = 0
    if is_reduced:
        bits.number(5)  # level
    else:
        has_timing = bits.flag()
        if has_timing:
            bits.number(64)
            equal_intervals = bits.flag()
            if equal_intervals:
                bits.exp_golomb()
            has_decoder_model = bits.flag()
        delay_bits = 0
        if has_decoder_model:
            delay_bits = bits.number(5) + 1
            bits.number(32 + 5)
            presentation_bits = bits.number(5) + 1
        _skip_operating_points(bits, delay_bits)
    width_bits, height_bits = bits.number(4) + 1, bits.number(4) + 1
    width, height = bits.number(width_bits) + 1, bits.number(height_bits) + 1
    if is_reduced:
        bits.skip(3)  # superblocks, filters
        is_grey, cicp = _colour(bits, profile)
        return Sequence(width, height, is_reduced, cicp=cicp, is_grey=is_grey)
    frame_id_bits = 0
    if bits.flag():
        frame_id_bits = bits.number(4) + 2
        frame_id_bits += bits.number(3) + 1
    bits.number(3 + 4)  # superblocks, filters; compound modes, warped and dual filters
    has_order = bits.flag()
    if has_order:
        bits.number(2)
    screen_content = _SELECT if bits.flag() else bits.number(1)
    integer_motion = _SELECT
    if screen_content:
        integer_motion = _SELECT if bits.flag() else bits.number(1)
    bits.skip(3 if has_order else 0)
    is_grey, cicp = _colour(bits, profile)
    return Sequence(
        width,
        height,
        is_reduced,
        has_decoder_model,
        equal_intervals,
        presentation_bits,
        frame_id_bits,
        screen_content,
        integer_motion,
        cicp,
        is_grey,
    )


def _colour(bits: Bits, profile: int) -> tuple[bool, tuple[int, int] | None]:
    """
    Return whether the picture is grey, and the numbers of its colours, if it tells them (5.5.2).

    A header that ends before them says nothing of them. A decoder does not take it.
    """
    try:
        bits.number(3)  # super-resolution, two filters
        if bits.flag() and profile == _PROFESSIONAL:
            bits.number(1)
        is_grey = profile != _HIGH and bits.flag()
        return is_grey, (bits.number(8), bits.number(8)) if bits.flag() else None
    except BrokenImage:
        return False, None


def _skip_operating_points(bits: Bits, delay_bits: int) -> None:
    """*delay_bits* is 0 without a decoder model."""
    has_display_delay = bits.flag()
    for _ in range(bits.number(5) + 1):
        bits.number(12)
        if bits.number(5) > 7:  # level; from 4.0 on, a tier
            bits.number(1)
        if delay_bits and bits.flag():
            bits.number(2 * delay_bits + 1)
        if has_display_delay and bits.flag():
            bits.number(4)


def _has_own_size(bits: Bits, sequence: Sequence) -> bool:
    """
    Whether a frame has a size of its own (`frame_size_override_flag`, 5.9.2).

    That may be up to 65,536 × 65,536 pixels, whatever the sequence header says.
    """
    if sequence.is_reduced or bits.flag():  # it shows a frame that is there already
        return False
    frame_type, is_shown = bits.number(2), bits.flag()
    if is_shown and sequence.has_decoder_model and not sequence.equal_intervals:
        bits.number(sequence.presentation_bits)
    if not is_shown:
        bits.number(1)
    if frame_type == _SWITCH_FRAME:
        return True
    if frame_type or not is_shown:
        bits.number(1)  # error resilience; a key frame that is shown has it
    bits.number(1)
    screen_content = bits.number(1) if sequence.screen_content == _SELECT else sequence.screen_content
    if screen_content and sequence.integer_motion == _SELECT:
        bits.number(1)
    bits.number(sequence.frame_id_bits)
    return bits.flag()
