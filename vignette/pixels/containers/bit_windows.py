"""Looks at coded data from every byte on at once, for loops over codes whose lengths are no whole bytes."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Final, Literal

# More than the longest block of a JPEG takes: 64 codes of 16 bits, each with 15 bits of a coefficient.
ROOM_BYTES: Final = 256


def windows(data: bytes, order: Literal["little", "big"] = "big") -> Sequence[int]:
    """Return, for each byte, the number in the four bytes that begin there; zeros follow the data."""
    padded = data + bytes(ROOM_BYTES - len(data) % 4)
    windows = array("I", bytes(4 * (len(padded) - 4)))
    for phase in range(4):
        every_fourth = array("I", padded[phase : phase + len(padded) - 4])
        if sys.byteorder != order:
            every_fourth.byteswap()
        windows[phase::4] = every_fourth
    return windows
