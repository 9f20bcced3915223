"""
PDQ: 256 bits that tell how a picture looks, and how much there is to tell. Pictures that look alike differ in few bits.

The algorithm is that of Meta's ThreatExchange (https://github.com/facebook/ThreatExchange, pdq): luminance of 64 × 64
points, the lowest 16 × 16 frequencies of its cosine transform but for the constant ones, and a bit for each: whether it
is above their median.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from operator import add, mul, sub
from typing import Final

EDGE: Final = 64
"""Points of luminance in a row, and rows."""

_TERMS: Final = 16
_BITS: Final = _TERMS * _TERMS
# Those of the reference: how many steps of a hundredth of the whole range count as one point of quality.
_STEPS_OF_A_POINT: Final = 90
_MOST_QUALITY: Final = 100

_HASH: Final = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pdq:
    """`bits` are 64 hexadecimal digits. `quality` is 0 to 100: below 50, the picture has little to be known by."""

    bits: str
    quality: int


def pdq(luminance: Sequence[float]) -> Pdq:
    """Return the hash of 64 × 64 points of *luminance*, each 0 to 255, row by row."""
    rows = [luminance[start : start + EDGE] for start in range(0, EDGE * EDGE, EDGE)]
    across = [_lowest_terms(row) for row in rows]
    down = [_lowest_terms(column) for column in zip(*across, strict=True)]
    # The first bit is of the lowest frequency, and stands last.
    terms = [down[x][y] for y in range(_TERMS) for x in range(_TERMS)]
    median = sorted(terms)[_BITS // 2 - 1]
    bits = sum(1 << place for place, term in enumerate(terms) if term > median)
    return Pdq(f"{bits:064x}", _quality(rows))


def read_hashes(text: str) -> tuple[int, ...]:
    """
    Return the hashes in *text*, each once: one of 64 hexadecimal digits a line; what follows a "#" is a comment.

    Raises:
        ValueError: A line holds something else.
    """
    found: dict[int, None] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        word = line.partition("#")[0].strip()
        if not word:
            continue
        if not _HASH.fullmatch(word):
            raise ValueError(f"line {number} is {word[:80]!r}, and not a hash of 64 hexadecimal digits")
        found[int(word, 16)] = None
    return tuple(found)


def _lowest_terms(values: Sequence[float]) -> list[float]:
    """Return the cosine terms of the frequencies 1 to 16 of 64 *values*."""
    # Each cosine is the same from both ends, but for its sign where the frequency is odd: so half of the values will
    # do. What that leaves for the even frequencies is again a transform of that kind, for half of each frequency.
    odd, even = _folded(values)
    twice_odd, four_times = _folded(even)
    kinds = (odd, twice_odd, odd, four_times)
    return [sum(map(mul, kinds[place % 4], wave)) for place, wave in enumerate(_WAVES)]


def _folded(values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the differences and the sums of the first half of *values* and the second one, backwards."""
    middle = len(values) // 2
    backwards = values[: middle - 1 : -1]
    return list(map(sub, values[:middle], backwards)), list(map(add, values[:middle], backwards))


# Of each frequency, the part that its kind of values needs: `map` ends with the shorter of the two.
_WAVES: Final = [
    [math.sqrt(2 / EDGE) * math.cos(math.pi / 2 / EDGE * (place + 1) * (2 * at + 1)) for at in range(EDGE // 2)]
    for place in range(_TERMS)
]


def _quality(rows: Sequence[Sequence[float]]) -> int:
    """Return how much there is to see: the steps from each point to its neighbours, those that are large enough."""
    steps = sum(_steps(row, row[1:]) for row in rows)
    steps += sum(_steps(row, following) for row, following in pairwise(rows))
    return min(steps // _STEPS_OF_A_POINT, _MOST_QUALITY)


def _steps(values: Sequence[float], others: Sequence[float]) -> int:
    """Return by how many whole hundredths of the range *values* and *others* differ in all."""
    # All in C: there are eight thousand of them in a picture.
    return sum(map(int, map(abs, map(mul, map(sub, values, others), repeat(100 / 255)))))
