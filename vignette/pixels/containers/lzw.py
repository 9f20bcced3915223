"""
Counts the samples in LZW data, of a GIF (GIF 89a, appendix F) or a TIFF (TIFF 6.0, 13), to tell whether they are whole.

Nothing is decoded: a code stands for one sample more than the code from which it was made.
"""

from __future__ import annotations

from typing import Final

from vignette.pixels.containers.bit_windows import windows

_MOST_CODES: Final = 1 << 12
_LONGEST_CODE_BITS: Final = 12
# A MiB of codes of nine bits. Only an encoder that starts anew all the time would write more in that.
_MOST_READ_CODES: Final = 1_000_000
# A window has 32 bits. A code begins in its first byte: so it lies above the lowest 25 bits, or moves up by up to 7.
_ABOVE_WINDOW: Final = 25
_BITS_OF_BYTE: Final = 7

_TIFF_SAMPLE_BITS: Final = 8


def gif_holds(data: bytes | bytearray, sample_bits: int, needed: int) -> bool:
    """Whether *data*, without the lengths of their sub-blocks, code at least *needed* pixels."""
    return _count(data, sample_bits, needed, is_tiff=False) >= needed


def tiff_holds(data: bytes, needed: int) -> bool:
    """Whether *data* code at least *needed* bytes."""
    return _count(data, _TIFF_SAMPLE_BITS, needed, is_tiff=True) >= needed


def _count(data: bytes | bytearray, sample_bits: int, needed: int, *, is_tiff: bool) -> int:
    """Return how many samples there are, in `_MOST_READ_CODES`, before a fault; *needed* or more if there is none."""
    seen = windows(bytes(data), "big" if is_tiff else "little")
    flipped = _BITS_OF_BYTE if is_tiff else 0
    clear = 1 << sample_bits
    end, first = clear + 1, clear + 2
    lengths = [1] * first + [0] * _MOST_CODES
    # A TIFF takes longer codes one code sooner than it has to.
    early = 1 if is_tiff else 0
    bits, following, last, longer = sample_bits + 1, first, 0, 2 * clear - early
    above, mask = _ABOVE_WINDOW - bits if is_tiff else 0, 2 * clear - 1
    position, found = 0, 0
    stop = 8 * len(data)
    for _ in range(_MOST_READ_CODES):
        code = seen[position >> 3] >> above + (position & 7 ^ flipped) & mask
        position += bits
        if position > stop or code == end or code > following:
            break
        if code == clear:
            bits, following, last, longer = sample_bits + 1, first, 0, 2 * clear - early
            above, mask = _ABOVE_WINDOW - bits if is_tiff else 0, 2 * clear - 1
            continue
        if last:
            if following < _MOST_CODES:
                lengths[following] = last + 1
                following += 1
                if following == longer and bits < _LONGEST_CODE_BITS:
                    bits += 1
                    mask = (1 << bits) - 1
                    longer = mask + 1 - early
                    above = _ABOVE_WINDOW - bits if is_tiff else 0
        elif code == following:
            break
        last = lengths[code]
        found += last
        if found >= needed:
            break
    return found
