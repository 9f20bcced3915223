"""How far a long piece of work is, and how long the rest of it will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")

# Often enough for a person who waits, and a handful of lines in the log for a hundred thousand images.
_TELL_EVERY_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Progress:
    """*done* of about *total* items have taken *took_s* seconds."""

    done: int
    total: int
    took_s: float

    @property
    def left_s(self) -> float:
        """How many seconds the others will take, if they are like those that are done."""
        return self.took_s / self.done * max(0, self.total - self.done)

    def __str__(self) -> str:
        return f"{self.done:,} of {self.total:,}, about {duration(self.left_s)} left"


def watched(
    items: Iterable[T],
    total: int,
    tell: Callable[[Progress], object],
    *,
    every_s: float = _TELL_EVERY_S,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[T]:
    """Yield *items*, of which there are about *total*; call *tell* every *every_s* seconds."""
    begun = told = clock()
    for done, item in enumerate(items, start=1):
        yield item
        if (now := clock()) - told >= every_s:
            told = now
            tell(Progress(done, total, now - begun))


def duration(seconds: float) -> str:
    """*seconds* as one reads them: "8 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
