"""What the worker's parent writes to the process that sweeps: a line of JSON for each note, over a pipe."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

# A line of at most PIPE_BUF bytes goes into a pipe whole or not at all; PIPE_BUF is at least 512 (POSIX, write).
_MAX_LINE_BYTES: Final = 512
_MAX_REASON_CHARS: Final = 60


@dataclass(frozen=True, slots=True)
class Interrupted:
    """
    The rendering of the image `image_id` died.

    It outlasted `time_limit_s` seconds; if that is None, `reason` tells how its process ended, or what it raised.
    """

    image_id: int
    reason: str
    time_limit_s: int | None = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """
    How many jobs the pool has begun since the worker started, and how long a job has waited in the pool at most.

    A job waits in the pool while a process has been given it and has not begun it.
    """

    begun: int
    longest_wait_s: float


@dataclass(frozen=True, slots=True)
class Stopping:
    """The worker stops: nothing more is to be queued."""


Note = Interrupted | Pulse | Stopping

_KINDS: Final = {kind.__name__: kind for kind in (Interrupted, Pulse, Stopping)}


def to_line(note: Note) -> bytes:
    """*note* as a line that fits into a pipe whole."""
    if isinstance(note, Interrupted):
        note = Interrupted(note.image_id, note.reason[:_MAX_REASON_CHARS], note.time_limit_s)
    line = json.dumps([type(note).__name__, asdict(note)]).encode() + b"\n"
    assert len(line) <= _MAX_LINE_BYTES
    return line


def from_line(line: bytes) -> Note:
    kind, values = json.loads(line)
    return _KINDS[kind](**values)
