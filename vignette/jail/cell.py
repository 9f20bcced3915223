"""
What a cell is and does: a fork of the zygote (`vignette.jail.zygote`) that does pieces of work for one owner.

Its environment is empty. It holds three descriptors of /dev/null and the socket over which its owner sends it pieces of
work, and during a piece those that came with it.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from vignette.errors import VignetteError
from vignette.jail.confinement import watch_memory
from vignette.jail.messages import Message, encode, receive, send
from vignette.jail.sandbox import enter_sandbox
from vignette.limits import MIB

Work = Callable[[dict[str, Any], Sequence[int]], tuple[dict[str, Any], Sequence[bytes]]]
"""
Takes the values and the descriptors of a piece of work, and returns values and blocks. It leaves the descriptors open.
It may raise errors of ours.
"""

# What the answer of a cell holds: the values of the work, or why there are none.
DONE: Final = "done"
ERROR: Final = "error"
NO_MEMORY: Final = "no memory"
BUG: Final = "bug"

# The main thread's. Where it is unlimited, so is the memory that a process may take for it.
_STACK_BYTES: Final = 8 * MIB

MAX_DESCRIPTORS: Final = 16
_MAX_TRACEBACK_CHARS: Final = 4000
_MAX_PIECE_BYTES: Final = 1 << 24


@dataclass(frozen=True, slots=True)
class CellLimits:
    """
    What a cell may take; the kernel watches it.

    `cpu_s` is processor time in seconds for one piece of work, `life_cpu_s` (whole seconds) for all of them.
    `memory_bytes` is what it may allocate beyond what it has at its start, as `confinement.confined` counts it. It may
    map `mapped_bytes` besides that take no memory: files, and what the C library sets aside for each thread.
    `written_bytes` is how long a file that it writes may become. In a `sandbox` it reaches nothing, and has one thread
    or as many as it likes; with "none" it may do what its user may.
    """

    cpu_s: float
    life_cpu_s: int
    memory_bytes: int
    mapped_bytes: int = 64 * MIB
    written_bytes: int = 0
    sandbox: Literal["none", "one thread", "threads"] = "none"


def live(descriptor: int, work: Work, limits: CellLimits) -> None:
    """Be a cell that does *work* for whoever has the other end of the socket *descriptor*, until that is closed."""
    for number in (0, 1, 2):
        to_nowhere(number)
    connection = socket.socket(fileno=descriptor)
    _confine(limits)
    _work_in_a_cell(connection, work, limits.cpu_s)


def to_nowhere(descriptor: int) -> None:
    """Have *descriptor* be one of /dev/null."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _confine(limits: CellLimits) -> None:
    """What a cell gives up before it sees the first byte of a stranger."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, limits.written_bytes)
    _limit(resource.RLIMIT_CPU, limits.life_cpu_s)
    memory = Path("/proc/self/statm")
    if memory.exists():
        pages = [int(count) for count in memory.read_bytes().split()]
        _limit(resource.RLIMIT_DATA, pages[5] * resource.getpagesize() + limits.memory_bytes)
        # RLIMIT_DATA counts neither memory that is shared, nor stacks, nor the kernel's own tables of what is mapped.
        _limit(resource.RLIMIT_AS, pages[0] * resource.getpagesize() + limits.memory_bytes + limits.mapped_bytes)
    _limit(resource.RLIMIT_STACK, _STACK_BYTES)
    watch_memory()
    if limits.sandbox != "none":
        enter_sandbox(threads=limits.sandbox == "threads")


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    if hard == resource.RLIM_INFINITY or hard > most:
        resource.setrlimit(what, (most, most))


def _work_in_a_cell(connection: socket.socket, work: Work, cpu_s: float) -> None:
    """Do the pieces that come, until the connection ends."""
    while (piece := receive(connection, max_bytes=_MAX_PIECE_BYTES, max_descriptors=MAX_DESCRIPTORS)) is not None:
        # At the end of that time the kernel ends the process, whatever runs in it: SIGPROF has no handler.
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        answer = _answer(work, piece)
        signal.setitimer(signal.ITIMER_PROF, 0)
        for descriptor in piece.descriptors:
            os.close(descriptor)
        send(connection, answer)


def _answer(work: Work, piece: Message) -> bytes:
    try:
        values, blocks = work(piece.values, piece.descriptors)
        return encode({DONE: values}, blocks)
    except MemoryError:
        return encode({NO_MEMORY: True})
    except VignetteError as error:
        found = {"code": error.code, "detail": str(error), "measured": error.measured, "limit": error.limit}
        return encode({ERROR: found})
    except Exception:
        return encode({BUG: traceback.format_exc()[-_MAX_TRACEBACK_CHARS:]})
