"""The picture data of a PNG, inflated to tell whether they are whole (PNG, Third Edition, 10.2); no pixel is kept."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from vignette.limits import KIB

# How much is inflated in one go.
_INFLATED_BYTES: Final = 64 * KIB

_WRONG_CHECKSUM: Final = "the checksum (Adler-32) of the picture data is wrong or missing"

# Adam7 (8.1): first column and row, steps to the next ones.
_PASSES: Final = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)


def data_bytes(width: int, height: int, bits_per_pixel: int, *, is_interlaced: bool) -> int:
    """Return how many bytes the pixels take, with a byte before each row that tells its filter."""
    passes = _PASSES if is_interlaced else ((0, 0, 1, 1),)
    return sum(_pass_bytes(*part, width, height, bits_per_pixel) for part in passes)


def _pass_bytes(left: int, top: int, across: int, down: int, width: int, height: int, bits: int) -> int:
    columns, rows = (width - left + across - 1) // across, (height - top + down - 1) // down
    return rows * (1 + (columns * bits + 7) // 8) if columns > 0 else 0


class Inflation:
    """
    Takes the data piece by piece, and counts the bytes that they inflate to, of which there should be *needed*.

    `found` tells how many these are so far, and `fault` what is wrong. Data behind the pixels are not looked at, and
    their checksum only if they end with the pixels.
    """

    def __init__(self, needed: int) -> None:
        self.fault = ""
        self.found = 0
        self._needed = needed
        self._stream = zlib.decompressobj()

    def take(self, piece: bytes) -> None:
        while piece and not self.fault and not self._stream.eof and self.found <= self._needed:
            try:
                self.found += len(self._stream.decompress(piece, _INFLATED_BYTES))
            except zlib.error as error:
                # What the last call inflated is lost with the error, so it does not show whether all pixels were there.
                is_checksum = "data check" in str(error)
                self.fault = _WRONG_CHECKSUM if is_checksum else self._told("are damaged")
            piece = self._stream.unconsumed_tail

    @property
    def is_proven(self) -> bool:
        """Whether the data end with the pixels, and their checksum proves these."""
        return not self.fault and self._stream.eof and self.found == self._needed

    def take_all(self, pieces: Iterator[bytes]) -> None:
        for piece in pieces:
            self.take(piece)

    def finish(self) -> None:
        """Note as `fault` what is missing, now that all data were taken."""
        if not self.fault and not self._stream.eof and self.found <= self._needed:
            self.fault = self._told("are cut short")
        if not self.fault and self.found < self._needed:
            self.fault = self._told("are too few")

    def _told(self, what: str) -> str:
        if self.found >= self._needed:
            return _WRONG_CHECKSUM
        return f"the picture data {what}: they inflate to {self.found:,} of {self._needed:,} bytes"
