"""The names of lenses by the numbers that cameras write; the sources stand in the first lines of the tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_TABLES: Final = Path(__file__).parent / "lenses"

# "18-55mm f/3.5-5.6", "Sigma 50mm F1.4": focal lengths in mm, f-numbers.
_NUMBERS: Final = re.compile(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?mm.*?[fF]/?(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?")
# By so much the numbers of a camera differ from those in a name.
_MM: Final = 0.9
_F_NUMBER: Final = 0.18

_CONVERTERS: Final = (1, 1.4, 2)

# More than these are no answer.
_MAX_NAMES: Final = 3


@dataclass(frozen=True, slots=True)
class Numbers:
    """Shortest and longest focal length (mm), and an f-number that the lens has wide open; 0 is unknown."""

    shortest: float = 0
    longest: float = 0
    aperture: float = 0


@cache
def table(name: str) -> Mapping[str, tuple[str, ...]]:
    """Return the names of the lenses of the table *name* by their numbers, as the camera writes them."""
    found: dict[str, tuple[str, ...]] = {}
    for line in (_TABLES / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            key, _, lens = line.partition("\t")
            found[key] = (*found.get(key, ()), lens)
    return found


def load_tables() -> None:
    """Read all tables, for a process that can open no file later."""
    for path in _TABLES.glob("*.tsv"):
        table(path.stem)


def lens_name(name: str, key: str, numbers: Numbers = Numbers()) -> str:
    """
    Return the name under *key* in the table *name*; "" if there is none.

    Of several lenses that share the key, those count that have the *numbers*. If there are still several, all of them
    are told, joined by " or ".
    """
    names = table(name).get(key, ())
    if numbers.shortest:
        names = _alike(names, numbers)
    return " or ".join(names) if len(names) <= _MAX_NAMES else ""


def _alike(names: tuple[str, ...], numbers: Numbers) -> tuple[str, ...]:
    """
    Return those of *names* that have the *numbers*, with the teleconverter that makes them so.

    If none has them, a single name is returned all the same: some cameras write the focal length of the moment.
    """
    for factor in _CONVERTERS:
        ranges = {name: found for name in names if (found := _ranges(name, factor))}
        converted = "" if factor == 1 else f" + {factor}x"
        by_length = [name for name, (lengths, _) in ranges.items() if _are_near(lengths, numbers)]
        by_aperture = [name for name in by_length if _is_between(numbers.aperture, ranges[name][1])]
        if by_length:
            return tuple(f"{name}{converted}" for name in by_aperture or by_length)
    return names if len(names) == 1 else ()


def _ranges(name: str, factor: float) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return the focal lengths and the f-numbers in *name*, each as a range, behind a converter of *factor*."""
    match = _NUMBERS.search(name)
    if match is None:
        return None
    shortest, longest, widest, narrowest = (float(text) if text else 0 for text in match.groups())
    lengths = shortest * factor, (longest or shortest) * factor
    return lengths, (widest * factor, (narrowest or widest) * factor)


def _are_near(lengths: tuple[float, float], numbers: Numbers) -> bool:
    shortest, longest = lengths
    return abs(shortest - numbers.shortest) <= _MM and abs(longest - (numbers.longest or numbers.shortest)) <= _MM


def _is_between(aperture: float, f_numbers: tuple[float, float]) -> bool:
    return not aperture or f_numbers[0] - _F_NUMBER <= aperture <= f_numbers[1] + _F_NUMBER
