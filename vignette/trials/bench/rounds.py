"""Contestants do the same job in turns, so that whatever else the machine does slows down both."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence


def interleaved(works: Sequence[Callable[[], float]], rounds: int, done: Callable[[], object]) -> list[list[float]]:
    """
    Do each of *works* once a round; return the figures of each, one for each round.

    Every other round has the reverse order. *done* is called after each work.
    """
    figures: list[list[float]] = [[] for _ in works]
    for number in range(rounds):
        order = range(len(works)) if number % 2 == 0 else reversed(range(len(works)))
        for place in order:
            figures[place].append(works[place]())
            done()
    return figures


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios: within a round, both had the same machine."""
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
