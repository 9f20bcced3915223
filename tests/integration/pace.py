"""
The paces of the workers that tests start.

In a module of their own: who imports a worker's module builds that worker.
"""

from __future__ import annotations

from dataclasses import replace

from vignette.worker.pace import Pace

# Each of these waits is for what was lost or is stuck. None of them cuts short what only takes its time on a busy
# machine: a lease is longer than `render_seconds` and the kill of a rendering together.
QUICK = Pace(
    sweep_every_s=0.5,
    hint_max_age_s=1,
    flush_every_s=1,
    clear_traces_every_s=1,
    kill_grace_s=1,
    lease_margin_s=4,
    pause_without_room_s=1,
    end_s=2,
)

# A worker that begins nothing for so long is ended. On a busy machine one that works may take seconds for a beginning.
IMPATIENT = replace(QUICK, sweep_every_s=1, patience_s=6)

# A process of the pool that fails twice is replaced.
DESPAIRING = replace(QUICK, despairs_after_s=0)
