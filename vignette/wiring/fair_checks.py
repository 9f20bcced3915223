"""Uploads are checked in turn: many files of one client do not keep those of another waiting."""

from __future__ import annotations

import os
import time
from typing import BinaryIO, Final

from vignette.limits import DOOR_CPU_S
from vignette.ports.inspector import Inspected, Inspector
from vignette.web.capacity.places import Places, WaitingRoom
from vignette.web.http.clients import holder_of_this_request
from vignette.web.rates import note_cost

# A check is all processor time: more of them at once than there are processors end no sooner, and a newcomer waits for
# all of them. The door has 8 cells.
_AT_ONCE: Final = min(8, max(2, os.cpu_count() or 2))

# All threads of a process may want one.
_MOST_WAITING: Final = 256

# As long as the door would let somebody wait for a cell.
_PATIENCE_S: Final = 20.0


class FairChecks:
    """
    *inspector*, which works on *at_once* files of this process at a time. The next one is of the client with the fewest
    of them. Safe to share between threads.
    """

    def __init__(self, inspector: Inspector, *, at_once: int = _AT_ONCE) -> None:
        self._inspector = inspector
        self._places = Places("checks", at_once, WaitingRoom(_MOST_WAITING))

    def inspect(
        self, file: BinaryIO, size: int, *, max_pixels: int, max_frames: int, max_memory_bytes: int
    ) -> Inspected:
        """Be that of *inspector*. Raise also `Overloaded`, if the turn does not come in 20 seconds."""
        holder = holder_of_this_request()
        self._places.take(holder, _PATIENCE_S)
        began_s, cpu_s = time.monotonic(), 0.0
        try:
            found = self._inspector.inspect(
                file, size, max_pixels=max_pixels, max_frames=max_frames, max_memory_bytes=max_memory_bytes
            )
            cpu_s = found.cpu_s
            return found
        finally:
            # Of a check that has refused a file, only the time by the clock is known.
            note_cost(cpu_s or min(time.monotonic() - began_s, DOOR_CPU_S))
            self._places.give_back(holder)
