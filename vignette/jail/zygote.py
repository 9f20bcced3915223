"""
The process that cells are forked from, and what a cell does. `vignette.jail.cells` starts it as a fresh program.

It has one thread and imports once what the work needs, so a fork of it is cheap and safe. It never sees a byte of a
stranger. It takes orders from its owner over its standard input, a socket, and ends when its owner does. Its cells end
with it.

Its environment is empty. A cell holds three descriptors of /dev/null and the socket over which its owner sends it
pieces of work, and during a piece those that came with it.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal

from vignette.errors import VignetteError
from vignette.jail.confinement import watch_memory
from vignette.jail.messages import Message, encode, receive, send
from vignette.jail.privileges import drop_privileges
from vignette.jail.sandbox import enter_sandbox
from vignette.jail.ties import end_with
from vignette.limits import MIB

Work = Callable[[dict[str, Any], Sequence[int]], tuple[dict[str, Any], Sequence[bytes]]]
"""
Takes the values and the descriptors of a piece of work, and returns values and blocks. It leaves the descriptors open.
It may raise errors of ours.
"""

# What an owner orders: a cell with a number that it chooses, whose socket comes along; or the end of that cell. The
# answer to the latter is the cell's wait status (waitpid(2)).
ORDER: Final = struct.Struct("<cQ")
FORK: Final = b"F"
END: Final = b"E"
STATUS: Final = struct.Struct("<i")

# The wait status of a cell that could not be forked, or is not dead yet.
NEVER_WAS: Final = -1

# What the answer of a cell holds: the values of the work, or why there are none.
DONE: Final = "done"
ERROR: Final = "error"
NO_MEMORY: Final = "no memory"
BUG: Final = "bug"

# How long others wait for the death of a cell, and how often its death is looked for meanwhile.
_DEATH_S: Final = 1.0
_LOOK_AGAIN_S: Final = 0.001

# The main thread's. Where it is unlimited, so is the memory that a process may take for it.
_STACK_BYTES: Final = 8 * MIB

MAX_DESCRIPTORS: Final = 16
_MAX_TRACEBACK_CHARS: Final = 4000
_MAX_PIECE_BYTES: Final = 1 << 24

# A terminal, or what stops a service as a whole, sends these signals to every process. An owner that still works needs
# its cells; they end with it.
_SIGNALS_OF_OTHERS: Final = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)


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


def main() -> None:
    """The program: its one argument is JSON with the name of the work ("module:function") and its limits."""
    for number in _SIGNALS_OF_OTHERS:
        signal.signal(number, signal.SIG_IGN)
    # An owner may ignore or block what ends a cell, and a program begins with what its parent ignores and blocks.
    for number in (signal.SIGPROF, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    control = socket.socket(fileno=os.dup(0))
    _to_nowhere(0)
    os.environ.clear()  # where no locale is set, Python sets one (PEP 538)
    wanted = json.loads(sys.argv[1])
    module, _, function = wanted["work"].partition(":")
    work: Work = getattr(import_module(module), function)
    limits = CellLimits(**wanted["limits"])
    if limits.sandbox != "none":
        # Before the forks: root that becomes somebody else is no longer tied to its parent (prctl(2)).
        drop_privileges()
    # A garbage collection would write to all memory that is shared, and so have it copied.
    gc.collect()
    gc.freeze()
    _serve(control, work, limits)


def _serve(control: socket.socket, work: Work, limits: CellLimits) -> None:
    cells: dict[int, int] = {}
    dying: set[int] = set()
    while True:
        record, descriptors, _, _ = socket.recv_fds(control, ORDER.size, 1, socket.MSG_WAITALL)
        if len(record) < ORDER.size:
            return
        order, number = ORDER.unpack(record)
        if order == FORK:
            with suppress(OSError):  # no process can be had; whoever has the socket finds it closed
                cells[number] = _fork(control, descriptors[0], work, limits)
            os.close(descriptors[0])
        else:
            control.sendall(STATUS.pack(_end(cells.pop(number, None), dying)))
        dying = {cell for cell in dying if not os.waitpid(cell, os.WNOHANG)[0]}


def _end(cell: int | None, dying: set[int]) -> int:
    """
    Kill *cell* unless it is dead, and return its wait status: that of its first cause of death.

    One that does not die at once, because the kernel waits for a disk in its stead, goes to those *dying*.
    """
    if cell is None:
        return NEVER_WAS
    os.kill(cell, signal.SIGKILL)
    deadline = time.monotonic() + _DEATH_S
    while time.monotonic() < deadline:
        ended, status = os.waitpid(cell, os.WNOHANG)
        if ended:
            return status
        time.sleep(_LOOK_AGAIN_S)
    dying.add(cell)
    return NEVER_WAS


def _fork(control: socket.socket, descriptor: int, work: Work, limits: CellLimits) -> int:
    zygote = os.getpid()
    cell = os.fork()
    if cell != 0:
        return cell
    try:
        end_with(zygote, signal.SIGKILL)
        control.close()
        for number in (0, 1, 2):
            _to_nowhere(number)
        connection = socket.socket(fileno=descriptor)
        _confine(limits)
        _work_in_a_cell(connection, work, limits.cpu_s)
    finally:
        os._exit(1)


def _to_nowhere(descriptor: int) -> None:
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


if __name__ == "__main__":
    main()
