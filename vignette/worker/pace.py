"""How long the worker waits for what it waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vignette.despair import DESPAIRS_AFTER_S
from vignette.limits import KILL_GRACE_S, LEASE_MARGIN_S, SWEEP_INTERVAL_S
from vignette.use_cases.recovery import FLUSH_EVERY_S
from vignette.use_cases.rendering import PAUSE_WITHOUT_ROOM_S
from vignette.use_cases.sweeping import CLEAR_TRACES_EVERY_S, HINT_MAX_AGE_S

# The time from SIGTERM to SIGKILL for a worker that is stuck: another process of its pool may end its work meanwhile.
END_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """
    The times of a worker, in seconds. Only tests of the worker have another pace than `USUAL_PACE`.

    `sweep_every_s` lies between two sweeps, and an image counts as forgotten `hint_max_age_s` after its job was queued.
    What was rendered is flushed every `flush_every_s` at most, and what deleted images have left in the catalogue's
    files is cleared every `clear_traces_every_s`.
    A rendering that outlasts `render_seconds` is killed `kill_grace_s` later, and its lease ends `lease_margin_s`
    later. `pause_without_room_s` is the pause of an image for which the disk had no room.

    A process of the pool that cannot use the catalogue for `despairs_after_s` is replaced. A worker that begins nothing
    for `patience_s` although jobs wait is ended, within `end_s`. If `patience_s` is None, it follows from
    `render_seconds` (`worker.watch.patience_s`).
    """

    sweep_every_s: float = SWEEP_INTERVAL_S
    hint_max_age_s: float = HINT_MAX_AGE_S
    flush_every_s: float = FLUSH_EVERY_S
    clear_traces_every_s: float = CLEAR_TRACES_EVERY_S
    kill_grace_s: float = KILL_GRACE_S
    lease_margin_s: float = LEASE_MARGIN_S
    pause_without_room_s: float = PAUSE_WITHOUT_ROOM_S
    despairs_after_s: float = DESPAIRS_AFTER_S
    patience_s: float | None = None
    end_s: float = END_S


USUAL_PACE: Final = Pace()
