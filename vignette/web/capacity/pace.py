"""How fast a transfer has to be."""

from __future__ import annotations

from vignette.limits import FLOOR_RISES_S, MIN_BODY_BYTES_PER_S, STEADY_BODY_BYTES_PER_S


def floor_after(seconds: float) -> float:
    """
    Return the bytes a second that a transfer must have had on average after so many *seconds*.

    It rises, so that a transfer comes to an end: nobody can hold a place for long with few bytes.
    """
    return max(MIN_BODY_BYTES_PER_S, STEADY_BODY_BYTES_PER_S * min(1.0, seconds / FLOOR_RISES_S))
