"""Finds where the LZW codes of a frame of a GIF end (GIF 89a, appendix F)."""

from __future__ import annotations

from typing import Final

_MOST_CODES: Final = 1 << 12
_LONGEST_CODE_BITS: Final = 12


class Codes:
    """
    The codes of a frame of so many *pixels*, taken sub-block by sub-block. They end at the code that says so. If the
    pixels are complete before that, only codes that change no pixel may stand between: the one that begins anew.

    After `is_at_end`, nothing more belongs to the frame. If it `is_damaged`, a code is none that there can be.
    """

    def __init__(self, code_size: int, pixels: int) -> None:
        self.is_at_end = False
        self.is_damaged = False
        self._clear = 1 << code_size
        self._begin = code_size + 1
        self._left = pixels
        self._lengths = [1] * (self._clear + 2) + [0] * _MOST_CODES
        self._bits, self._following, self._last = self._begin, self._clear + 2, 0
        self._held, self._held_bits = 0, 0

    def take(self, data: bytes) -> int:
        """Return how many bytes of *data* belong to the frame."""
        clear, lengths, left = self._clear, self._lengths, self._left
        bits, following, last = self._bits, self._following, self._last
        held, held_bits = self._held, self._held_bits
        used = 0
        for index, byte in enumerate(data, 1):
            held |= byte << held_bits
            held_bits += 8
            while held_bits >= bits:
                code = held & (1 << bits) - 1
                held >>= bits
                held_bits -= bits
                if code == clear:
                    bits, following, last = self._begin, clear + 2, 0
                    continue
                if code == clear + 1 or left <= 0:
                    self.is_at_end = True
                    return index if code == clear + 1 else used
                if code > following or (code == following and not last):
                    self.is_at_end = self.is_damaged = True
                    return used
                if last and following < _MOST_CODES:
                    lengths[following] = last + 1
                    following += 1
                    if following == 1 << bits and bits < _LONGEST_CODE_BITS:
                        bits += 1
                last = lengths[code]
                left -= last
                used = index
        self._left, self._bits, self._following, self._last = left, bits, following, last
        self._held, self._held_bits = held, held_bits
        return len(data)
