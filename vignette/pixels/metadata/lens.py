"""Tells a lens by its numbers, as makers of lenses do: "18-55mm f/3.5-5.6"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_ONLY_NUMBERS: Final = re.compile(r"[\d.\-/\s]{1,40}mm(?:\s?[fF]/?[\d.\-\s]{1,40})?", re.ASCII)


def by_numbers(numbers: Sequence[float | None]) -> str:
    """
    Return the words for the shortest and longest focal length (mm) and the least f-number at each; "" without a length.

    A number that is unknown is 0 or None.
    """
    if len(numbers) != 4:
        return ""
    lengths = _range(numbers[:2], 4)
    apertures = _range(numbers[2:], 3)
    return "" if not lengths else f"{lengths}mm" + (f" f/{apertures}" if apertures else "")


def _range(numbers: Sequence[float | None], digits: int) -> str:
    return "-".join(dict.fromkeys(f"{number:.{digits}g}" for number in numbers if number and 0 < number < 10_000))


def is_only_numbers(name: str) -> bool:
    """Whether *name* says no more than numbers would: "18-35mm", "18-55mm f/3.5-5.6"."""
    return _ONLY_NUMBERS.fullmatch(name) is not None
