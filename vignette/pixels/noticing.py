"""Takes down what the decoding of a picture passes over, for whoever has asked for the picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from vignette.model import RenderingWarning

_noticed: Final[ContextVar[dict[RenderingWarning, None] | None]] = ContextVar("noticed", default=None)


def notice(warning: RenderingWarning) -> None:
    """Take down *warning*, if anybody wants to know."""
    if (noticed := _noticed.get()) is not None:
        noticed[warning] = None


@contextmanager
def noticing() -> Iterator[dict[RenderingWarning, None]]:
    """Within this context, what is noticed comes into the dictionary, each warning once."""
    noticed: dict[RenderingWarning, None] = {}
    token = _noticed.set(noticed)
    try:
        yield noticed
    finally:
        _noticed.reset(token)
