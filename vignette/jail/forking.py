"""
Processes that fork cells, as their owners have them.

A process starts a `Zygote` for itself, or a `SharedZygote` for itself and its forks: what the work needs is then
imported once for all of them.
"""

from __future__ import annotations

import itertools
import json
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from weakref import finalize

from vignette.jail import messages, zygote
from vignette.jail.cell import CellLimits

# For the answer to an order: the zygote may still be importing, on a busy machine.
_CONTROL_S: Final = 60.0

# The environment of a zygote is empty, so PYTHONPATH does not tell it where the owner found its modules. The owner's
# own path may not tell either: `celery` has the current folder in it only while it imports an app from there.
_HOME: Final = str(Path(__file__).parents[2])
_PROGRAM: Final = "import sys; sys.path[:] = sys.argv[2:]; from vignette.jail.zygote import main; main()"

# A shared zygote that has ended is replaced at once, but one that cannot start shall burn no processor.
_LONG_LIFE_S: Final = 10.0
_LONGEST_PAUSE_S: Final = 30.0

# So many looks without an answer: it hangs, or is frozen. This counts looks and not the clock: while the machine was
# suspended, nobody could answer.
_MOST_SILENT_LOOKS: Final = 60

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """What a zygote imports, and what its cells may take: see `zygote.main`."""

    work: str
    limits: CellLimits
    environment: Mapping[str, str]

    def start(self, control: socket.socket) -> subprocess.Popen[bytes]:
        """Start a zygote whose first owner has the other end of *control*; raise OSError if that is impossible."""
        wanted = json.dumps({"work": self.work, "limits": asdict(self.limits)})
        return subprocess.Popen(  # noqa: S603 (our own program)
            [_python(), "-I", "-c", _PROGRAM, wanted, *dict.fromkeys((*sys.path, _HOME))],
            stdin=control.fileno(),
            stdout=subprocess.DEVNULL,
            env=self.environment,
            close_fds=True,
        )


class Zygote:
    """
    A process that forks cells, as one of its owners has it, with *control* as the way to it.

    Each method but `wait_until_here` is for one thread at a time. Each may raise OSError, which tells that the process
    is gone or hangs.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._control.settimeout(_CONTROL_S)
        self._numbers = itertools.count()
        self._waiting = threading.Lock()
        self._is_here = False

    def fork(self) -> tuple[int, socket.socket]:
        """
        Have a cell forked; return its number, and the socket over which it takes work.

        The process is only told to: whether it does so shows at the first piece of work.
        """
        ours, theirs = socket.socketpair()
        number = next(self._numbers)
        with theirs:
            try:
                messages.send(self._control, zygote.ORDER.pack(zygote.FORK, number), [theirs.fileno()])
            except BaseException:
                ours.close()
                raise
        return number, ours

    def wait_until_here(self) -> None:
        """Wait until the process has imported what it needs, and obeys. Later calls return at once."""
        with self._waiting:
            if not self._is_here:
                if not self._control.recv(len(zygote.HERE)):
                    raise ConnectionResetError("the process that forks cells is gone")
                self._is_here = True

    def end(self, number: int) -> int:
        """End the cell with this *number*, and return its wait status, or `zygote.NEVER_WAS`."""
        self.wait_until_here()
        self._control.sendall(zygote.ORDER.pack(zygote.END, number))
        status = self._control.recv(zygote.STATUS.size, socket.MSG_WAITALL)
        if len(status) < zygote.STATUS.size:
            raise ConnectionResetError("the process that forks cells is gone")
        return int(zygote.STATUS.unpack(status)[0])

    def close(self) -> None:
        """Have all cells of this owner ended."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)  # a thread may wait for what comes over it
        with self._waiting:
            self._control.close()

    def forget(self) -> None:
        """For a process that was forked: let go of what belongs to its parent."""
        self._control.close()


class OwnZygote(Zygote):
    """A process that forks cells for this process alone."""

    def __init__(self, program: Program) -> None:
        """Raise OSError if no process can be started."""
        control, self._process = _started(program)
        super().__init__(control)
        # For a pool that nobody has closed.
        self._ended = finalize(self, _end_process, control, self._process)
        self._ended.atexit = False

    def close(self) -> None:
        """End the process, and with it its cells."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        with self._waiting:
            self._ended()

    def forget(self) -> None:
        self._ended.detach()
        self._process.returncode = 0  # it is not our child, so nobody here may wait for it
        super().forget()


class SharedZygote:
    """
    A process that forks cells for this process and for all forks of it, and ends with this process.

    A fork of this process is a visitor, as this process may be. Each visitor is an owner of cells: nobody else reaches
    them, and they end with it. What a visitor asks for while the process is replaced waits until it can be had.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        # A message for each visitor, with a socket of its own.
        self._door, self._reception = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._door.settimeout(_CONTROL_S)
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._pause_s = 0.0
        self._is_asked = False
        self._silent_looks = 0

    def visit(self) -> Zygote:
        """Become an owner; raise OSError if that is impossible because the process that shares it has ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._door, [b"."], [theirs.fileno()])
            except BaseException:
                ours.close()
                raise
        return Zygote(ours)

    def keep(self) -> None:
        """Start the process, or start another if it has ended or hangs. Call this about once a second."""
        if self._process is None:
            if time.monotonic() >= self._started_at + self._pause_s:
                self._start()
        elif self._process.poll() is not None:
            self._bury(self._process.returncode)
        else:
            self._look()

    def close(self) -> None:
        """End the process, if it was started here, and with it all cells. Repeating it does nothing."""
        self._door.close()
        self._reception.close()
        if self._control is not None and self._process is not None:
            _end_process(self._control, self._process)
        self._control = self._process = None
        self._pause_s = float("inf")

    def forget(self) -> None:
        """For a process that was forked: be a visitor only."""
        self._reception.close()
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.returncode = 0  # it is not our child, so nobody here may wait for it
        self._control = self._process = None
        self._pause_s = float("inf")

    def _start(self) -> None:
        self._started_at = time.monotonic()
        self._silent_looks = 0
        self._is_asked = True  # it says unasked that it is here
        try:
            self._control, self._process = _started(self._program)
            messages.send(self._control, zygote.ORDER.pack(zygote.RECEPTION, 0), [self._reception.fileno()])
            self._control.setblocking(False)
        except OSError:
            logger.exception("the process that forks cells for %s cannot be started", self._program.work)
            self._lose()

    def _bury(self, status: int) -> None:
        logger.error("the process that forks cells for %s ended (%s): starting another", self._program.work, status)
        self._lose()
        if self._pause_s == 0:
            self._start()

    def _lose(self) -> None:
        if self._control is not None:
            self._control.close()
        self._control = self._process = None
        has_lived_long = time.monotonic() - self._started_at >= _LONG_LIFE_S
        self._pause_s = 0.0 if has_lived_long else min(_LONGEST_PAUSE_S, max(1.0, 2 * self._pause_s))

    def _look(self) -> None:
        assert self._control is not None
        with suppress(OSError):  # no answer yet; or it has just ended, as the next look will tell
            if self._is_asked:
                self._is_asked = not self._control.recv(len(zygote.HERE))
            if not self._is_asked:
                self._silent_looks = 0
                self._control.sendall(zygote.ORDER.pack(zygote.ANSWER, 0))
                self._is_asked = True
                return
        self._silent_looks += 1
        if self._silent_looks >= _MOST_SILENT_LOOKS and self._process is not None:
            logger.error("the process that forks cells for %s hangs: ending it", self._program.work)
            self._process.kill()


def _started(program: Program) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            return ours, program.start(theirs)
        except BaseException:
            ours.close()
            raise


def _end_process(control: socket.socket, process: subprocess.Popen[bytes]) -> None:
    control.close()
    process.kill()
    process.wait()


def _python() -> str:
    """The interpreter: some servers embed Python, and `sys.executable` is then the server."""
    if Path(sys.executable or "").name.startswith("python"):
        return sys.executable
    return str(Path(sys.exec_prefix, "bin", "python3"))
