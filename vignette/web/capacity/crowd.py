"""
Ends the connections that have been still for longest when a process has nearly as many as it accepts.

A connection without a request costs little, but the web server accepts no more than a fixed number of them. It ends
each one by itself only after `limits.HEAD_LIMIT_S`.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from vignette.limits import CROWDED_SHARE
from vignette.web.capacity.connections import Connection, connections, descriptors

_LOOK_EVERY_S: Final = 0.5
# In a crowd, which may come again at once.
_LOOK_AGAIN_S: Final = 0.25

# A connection on which something moved within this time has a request in hand, most likely.
_STILL_S: Final = 0.5

# So many are left, as a share of those that make a crowd: the next look finds room again.
_LEFT_SHARE: Final = 0.5


def keep_room(most: int) -> None:
    """Keep this process, whose web server accepts *most* connections, below that number. Linux only."""
    if sys.platform == "linux":
        threading.Thread(target=_watch, args=(int(CROWDED_SHARE * most),), name="crowd", daemon=True).start()


def to_be_ended(found: Sequence[Connection], crowd: int) -> list[Connection]:
    """
    Return which of the connections *found* are to be ended if *crowd* of them are too many.

    The first ones are those of the peers that have the most connections; of these, those that have been still for
    longest. An answer that is on its way is not broken off.
    """
    if len(found) < crowd:
        return []
    of_peer = Counter(connection.peer for connection in found)
    still = [connection for connection in found if connection.still_s >= _STILL_S and not connection.untaken]
    still.sort(key=lambda connection: (of_peer[connection.peer], connection.still_s), reverse=True)
    return still[: len(found) - int(_LEFT_SHARE * crowd)]


def _watch(crowd: int) -> None:
    is_crowded = False
    while True:
        time.sleep(_LOOK_AGAIN_S if is_crowded else _LOOK_EVERY_S)
        # A quick count, with some that are no connections.
        is_crowded = len(descriptors()) >= crowd
        if is_crowded:
            for connection in to_be_ended(connections(), crowd):
                connection.end()
