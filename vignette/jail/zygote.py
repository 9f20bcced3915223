"""
The process that cells are forked from. `vignette.jail.forking` starts it as a fresh program.

It has one thread and imports once what the work needs, so a fork of it is cheap and safe. It never sees a byte of a
stranger. Its environment is empty.

It takes orders from *owners*, each over a socket. The first is whoever started it: its socket is the standard input,
and when that ends, the zygote ends, and all cells with it. That owner may open a *reception*, a socket over which the
sockets of further owners come. When one of these ends, only its cells end. No owner waits for the cell of another.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Final

from vignette.jail import cell
from vignette.jail.cell import CellLimits, Work
from vignette.jail.privileges import drop_privileges
from vignette.jail.ties import end_with

# What an owner orders: a cell with a number that it chooses, whose socket comes along; the end of that cell; a sign of
# life; or, the first owner only, that the reception is the socket that comes along. The answer to the second is the
# cell's wait status (waitpid(2)), and to the third `HERE`, which each owner also gets unasked, as soon as it is heard.
ORDER: Final = struct.Struct("<cQ")
FORK: Final = b"F"
END: Final = b"E"
ANSWER: Final = b"A"
RECEPTION: Final = b"R"
STATUS: Final = struct.Struct("<i")
HERE: Final = b"."

# The wait status of a cell that could not be forked, or is not dead yet.
NEVER_WAS: Final = -1

# How long an owner waits for the death of a cell, and how often its death is looked for meanwhile, and later.
_DEATH_S: Final = 1.0
_LOOK_AGAIN_S: Final = 0.001
_LOOK_LATER_S: Final = 1.0

# A terminal, or what stops a service as a whole, sends these signals to every process. An owner that still works needs
# its cells; they end with it.
_SIGNALS_OF_OTHERS: Final = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)


def main() -> None:
    """The program: its one argument is JSON with the name of the work ("module:function") and its limits."""
    for number in _SIGNALS_OF_OTHERS:
        signal.signal(number, signal.SIG_IGN)
    # An owner may ignore or block what ends a cell, and a program begins with what its parent ignores and blocks.
    for number in (signal.SIGPROF, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    control = socket.socket(fileno=os.dup(0))
    cell.to_nowhere(0)
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
    _Zygote(control, work, limits).serve()


@dataclass(slots=True, eq=False)
class _Owner:
    """`cells` has the processes of its cells, by the number that it chose for each."""

    connection: socket.socket
    cells: dict[int, int] = field(default_factory=dict)

    def tell(self, words: bytes) -> None:
        with suppress(OSError):  # it is gone, as its socket will say
            self.connection.send(words, socket.MSG_DONTWAIT)


@dataclass(slots=True)
class _Death:
    """Of a cell that was killed. `told` is whoever waits for it until `deadline`, a time of `time.monotonic`."""

    deadline: float
    told: _Owner | None


class _Zygote:
    def __init__(self, control: socket.socket, work: Work, limits: CellLimits) -> None:
        self._work = work
        self._limits = limits
        self._first = _Owner(control)
        self._owners = {control.fileno(): self._first}
        self._reception: socket.socket | None = None
        self._dying: dict[int, _Death] = {}

    def serve(self) -> None:
        """Obey all owners until the first one is gone."""
        self._first.tell(HERE)
        while True:
            for descriptor in self._readable():
                if self._reception is not None and descriptor == self._reception.fileno():
                    self._welcome(self._reception)
                elif not self._obey(owner := self._owners[descriptor]):
                    if owner is self._first:
                        return
                    self._leave(owner)
            self._bury()

    def _readable(self) -> Iterator[int]:
        poll = select.poll()
        for held in self._held():
            poll.register(held.fileno(), select.POLLIN)
        return (descriptor for descriptor, _ in poll.poll(self._patience_ms()))

    def _held(self) -> Iterator[socket.socket]:
        """All that this process holds open, and no cell may hold."""
        yield from (owner.connection for owner in self._owners.values())
        if self._reception is not None:
            yield self._reception

    def _patience_ms(self) -> float | None:
        if not self._dying:
            return None
        someone_waits = any(death.told for death in self._dying.values())
        return 1000 * (_LOOK_AGAIN_S if someone_waits else _LOOK_LATER_S)

    def _welcome(self, reception: socket.socket) -> None:
        """Take the next owner."""
        words, descriptors, _, _ = socket.recv_fds(reception, 1, 1)
        if not words:  # nobody is left who could send one
            reception.close()
            self._reception = None
        for descriptor in descriptors:
            owner = self._owners[descriptor] = _Owner(socket.socket(fileno=descriptor))
            owner.tell(HERE)

    def _obey(self, owner: _Owner) -> bool:
        """Do what *owner* orders; return whether it is still there."""
        try:
            record, descriptors, _, _ = socket.recv_fds(owner.connection, ORDER.size, 1, socket.MSG_WAITALL)
        except OSError:  # it is gone, and has left something unread
            return False
        if len(record) < ORDER.size:
            return False
        order, number = ORDER.unpack(record)
        if order == END:
            self._end(owner, owner.cells.pop(number, None))
        elif order == ANSWER:
            owner.tell(HERE)
        elif order == RECEPTION and owner is self._first and descriptors:
            self._reception = socket.socket(fileno=descriptors.pop())
        elif order == FORK and descriptors:
            with suppress(OSError):  # no process can be had; whoever has the socket finds it closed
                owner.cells[number] = self._fork(descriptors[0])
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def _leave(self, owner: _Owner) -> None:
        """Kill the cells of an *owner* that is gone."""
        del self._owners[owner.connection.fileno()]
        owner.connection.close()
        for process in owner.cells.values():
            self._kill(process, None)

    def _end(self, owner: _Owner, process: int | None) -> None:
        """Kill a cell unless it is dead, and tell its wait status later: that of its first cause of death."""
        if process is None:
            owner.tell(STATUS.pack(NEVER_WAS))
        else:
            self._kill(process, owner)

    def _kill(self, process: int, told: _Owner | None) -> None:
        os.kill(process, signal.SIGKILL)
        self._dying[process] = _Death(time.monotonic() + _DEATH_S, told)

    def _bury(self) -> None:
        """
        Wait for those who died, and tell how.

        One that does not die at once, because the kernel waits for a disk in its stead, is left to die when it can.
        """
        for process, death in list(self._dying.items()):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                del self._dying[process]
            if death.told and (ended or time.monotonic() > death.deadline):
                death.told.tell(STATUS.pack(status if ended else NEVER_WAS))
                death.told = None

    def _fork(self, descriptor: int) -> int:
        zygote = os.getpid()
        process = os.fork()
        if process != 0:
            return process
        try:
            end_with(zygote, signal.SIGKILL)
            for held in self._held():
                held.close()
            cell.live(descriptor, self._work, self._limits)
        finally:
            os._exit(1)


if __name__ == "__main__":
    main()
