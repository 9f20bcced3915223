"""Bits of a header, as AV1 (4.10) and HEVC (9.2) write numbers in them."""

from __future__ import annotations

from typing import Final

from vignette.errors import BrokenImage

# The most leading zeros of an Exp-Golomb number: with more, it would have over 32 bits.
_MAX_LEADING_ZEROS: Final = 31


class Bits:
    """The bits of *content*, the highest of each byte first; raises `BrokenImage` if *what* ends too early."""

    def __init__(self, content: bytes, what: str) -> None:
        self._number = int.from_bytes(content, "big")
        self._left = 8 * len(content)
        self._what = what

    def number(self, count: int) -> int:
        """Return the next *count* bits as an unsigned number."""
        if count > self._left:
            raise BrokenImage(f"{self._what} is cut short")
        self._left -= count
        return self._number >> self._left & (1 << count) - 1

    def skip(self, count: int) -> None:
        """Skip the next *count* bits, or as many as there are."""
        self._left = max(self._left - count, 0)

    def flag(self) -> bool:
        return bool(self.number(1))

    def exp_golomb(self) -> int:
        """Return the next number in Exp-Golomb coding: `ue(v)` of HEVC, `uvlc()` of AV1."""
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros > _MAX_LEADING_ZEROS:
                raise BrokenImage(f"{self._what} has a number of more than 32 bits")
        return (1 << zeros) - 1 + self.number(zeros)
