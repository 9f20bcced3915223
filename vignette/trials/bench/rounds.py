"""Two that do the same job, in rounds that take turns: what else the machine does falls on both."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence


def interleaved(works: Sequence[Callable[[], float]], rounds: int, done: Callable[[], object]) -> list[list[float]]:
    """The figures of each of *works*, one for each round. The order turns too; *done* is called after each work."""
    figures: list[list[float]] = [[] for _ in works]
    for number in range(rounds):
        order = range(len(works)) if number % 2 == 0 else reversed(range(len(works)))
        for place in order:
            figures[place].append(works[place]())
            done()
    return figures


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of each round: two neighbours in time share the same machine."""
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
