"""The colours at the end of an HEVC sequence parameter set: ITU-T H.265, 7.3.2.2 and E.2.1."""

from __future__ import annotations

from typing import Final

from vignette.errors import BrokenImage
from vignette.pixels.containers.bits import Bits

_SIZES_OF_LISTS: Final = 4
_MAX_COEFFICIENTS: Final = 64
_MAX_SETS: Final = 64
_EXTENDED_RATIO: Final = 255


def colour_after_size(bits: Bits, layers: int) -> tuple[int, int] | None:
    """
    Return the numbers of primaries and transfer characteristics; None if the set has none, or is cut short or unusual.

    *bits* stand behind the size of the picture. *layers* counts the temporal layers but one.
    """
    try:
        return _colour(bits, layers)
    except BrokenImage:
        return None


def _colour(bits: Bits, layers: int) -> tuple[int, int] | None:
    if bits.flag():  # cropping
        _skip(bits, 4)
    _skip(bits, 2)  # bit depths
    order_bits = bits.exp_golomb() + 4
    _skip(bits, 3 * (layers + 1 if bits.flag() else 1))
    _skip(bits, 6)  # sizes of blocks
    if bits.flag() and bits.flag():
        _skip_scaling_lists(bits)
    bits.number(2)
    if bits.flag():  # samples without coding
        bits.number(8)
        _skip(bits, 2)
        bits.number(1)
    if not _skip_reference_sets(bits):
        return None
    if bits.flag():  # long-term references
        bits.number(_bounded(bits.exp_golomb()) * (order_bits + 1))
    bits.number(2)
    return _colour_of_vui(bits) if bits.flag() else None


def _colour_of_vui(bits: Bits) -> tuple[int, int] | None:
    if bits.flag() and bits.number(8) == _EXTENDED_RATIO:
        bits.number(32)
    if bits.flag():  # overscan
        bits.number(1)
    if not bits.flag():
        return None
    bits.number(4)  # format, range
    return (bits.number(8), bits.number(8)) if bits.flag() else None


def _skip(bits: Bits, count: int) -> None:
    for _ in range(count):
        bits.exp_golomb()


def _skip_scaling_lists(bits: Bits) -> None:
    """Skip the lists of 7.3.4."""
    for size in range(_SIZES_OF_LISTS):
        for _ in range(2 if size == _SIZES_OF_LISTS - 1 else 6):
            if bits.flag():
                _skip(bits, min(_MAX_COEFFICIENTS, 1 << 4 + 2 * size) + (size > 1))
            else:
                _skip(bits, 1)


def _skip_reference_sets(bits: Bits) -> bool:
    """Skip the sets of 7.3.7; return False if one is told by another, as in a film."""
    for index in range(_bounded(bits.exp_golomb())):
        if index and bits.flag():
            return False
        for _ in range(_bounded(bits.exp_golomb()) + _bounded(bits.exp_golomb())):
            _skip(bits, 1)
            bits.number(1)
    return True


def _bounded(count: int) -> int:
    if count > _MAX_SETS:
        raise BrokenImage(f"a sequence parameter set has {count:,} of what may be {_MAX_SETS}")
    return count
