"""What holders have spent of rates, counted together by all processes of the service as far as they can."""

from __future__ import annotations

from typing import Protocol

from vignette.access.rates import Rate, Standing


class Windows(Protocol):
    """Nobody waits longer than some milliseconds for an answer, and no method raises anything."""

    def take(self, rate: Rate, holder: str, units: int, *, exactly: bool = False) -> Standing:
        """
        Spend *units* of what *holder* may have, or nothing if it has less: then the standing is refused.

        To be quick, a process may count some units more as spent than it has, and spend these first; not if it is to
        count *exactly*.
        """

    def spend(self, rate: Rate, holder: str, units: int) -> Standing:
        """Spend *units*, or, if *holder* has less, all that it has: what was done has cost them."""

    def look(self, rate: Rate, holder: str) -> Standing:
        """Return what *holder* has, without spending."""
