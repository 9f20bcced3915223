"""Counts the pixels in the LZW data of a frame of a GIF (GIF 89a, appendix F), to tell whether they are whole."""

from __future__ import annotations

from typing import Final

_MOST_CODES: Final = 1 << 12
_LONGEST_CODE_BITS: Final = 12
# A MiB of codes of nine bits. Only an encoder that starts anew all the time would write more in that.
_MOST_READ_CODES: Final = 1_000_000


def holds_pixels(data: bytes | bytearray, code_size: int, pixels: int) -> bool:
    """
    Whether *data*, without the lengths of their sub-blocks, code at least so many *pixels* in `_MOST_READ_CODES`.

    Nothing is decoded.
    """
    left = _MOST_READ_CODES
    clear = 1 << code_size
    lengths = [1] * (clear + 2) + [0] * _MOST_CODES
    bits, following, last = code_size + 1, clear + 2, 0
    held, held_bits = 0, 0
    for byte in data:
        held |= byte << held_bits
        held_bits += 8
        while held_bits >= bits:
            code = held & (1 << bits) - 1
            held >>= bits
            held_bits -= bits
            left -= 1
            if not left:
                return False
            if code == clear:
                bits, following, last = code_size + 1, clear + 2, 0
                continue
            if code == clear + 1 or code > following or (code == following and not last):
                return False
            if last and following < _MOST_CODES:
                lengths[following] = last + 1
                following += 1
                if following == 1 << bits and bits < _LONGEST_CODE_BITS:
                    bits += 1
            last = lengths[code]
            pixels -= last
            if pixels <= 0:
                return True
    return False
