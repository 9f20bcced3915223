"""
The worker's parent keeps the process that sweeps running.

The parent forks its pool over and over. So it holds nothing that a child must not inherit: no connection to the
catalogue, no thread, no lock. SQLite is the main reason. A child that is forked while its parent writes inherits
SQLite's notes of the parent's locks, though not the locks themselves (fcntl(2)). It then believes the locks to be
taken, and can never write. So the parent leaves all work with the catalogue to the process that is kept here.

The first such process is a fork from the time before the parent held anything: it starts at once, and shares the
parent's memory. Later the parent holds its connection to the queue, so it starts each successor as a fresh program.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from vignette.worker.forked import Forked
from vignette.worker.notes import Note, Stopping, to_line

# What top(1) and /proc/PID/comm call the process, on Linux: the command line of a fork is that of the worker.
PROCESS_NAME: Final = "vignette-sweep"

# How often the parent looks whether the process still runs.
KEEP_EVERY_S: Final = 1.0

# A process that ended by itself is started again after a pause, so that one that cannot start burns no processor.
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0
_LONG_LIFE_S: Final = 60.0

# A sweep that has not ended by then hangs: it waits at most ten seconds for SQLite's lock, and deletes at most 200
# images, one after another. Ending it costs only the time of a start.
_LONGEST_SWEEP_S: Final = 600.0

# How long the process may take to read the last notes when the worker stops.
_STOP_S: Final = 5.0

logger = logging.getLogger(__name__)


def take_name() -> None:
    """Have this process called `PROCESS_NAME`, where a process can choose its name in /proc."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(PROCESS_NAME)


class Sweeper:
    """
    Runs *command*, which reads notes from its standard input and writes a byte to its standard output after each sweep.
    *work* does the same in a fork, until the process is told to stop.

    Use it from the main thread of a process that has no other threads.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        environment: dict[str, str],
        *,
        work: Callable[[], object] | None = None,
        longest_sweep_s: float = _LONGEST_SWEEP_S,
    ) -> None:
        self._command = command
        self._environment = environment
        self._work = work
        self._first: Forked | None = None
        self._longest_sweep_s = longest_sweep_s
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._started_at = 0.0
        self._due_at = 0.0
        self._pause_s = _FIRST_PAUSE_S
        self._silent_s = 0.0
        self._has_swept = False
        # The pool must not hold these pipes open: the notes have to end when the parent dies.
        os.register_at_fork(after_in_child=self._forget)

    def fork(self) -> None:
        """Fork the first process, which begins when it is kept. Call this while this process holds nothing yet."""
        if self._work is not None:
            self._first = Forked(self._work, at_once=take_name)
            os.set_blocking(self._first.stdin.fileno(), False)
            os.set_blocking(self._first.stdout.fileno(), False)

    def keep(self) -> None:
        """See to it that the process runs. Call this every `KEEP_EVERY_S` seconds."""
        process = self._process
        if process is None:
            if time.monotonic() >= self._due_at:
                self._start()
        elif process.poll() is not None:
            self._bury(process)
        else:
            self._listen(process)

    def tell(self, note: Note) -> None:
        """Give the process a *note*. A note that it cannot take now is lost, and the sweep finds out by itself."""
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            os.write(self._process.stdin.fileno(), to_line(note))

    def stop(self) -> None:
        """Have the process end once it has read its notes."""
        self.tell(Stopping())
        process, self._process = self._process or self._first, None
        self._first = None
        self._due_at = float("inf")
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._close_pipes(process)

    def _start(self) -> None:
        self._process = self._begun() or self._fresh()
        self._started_at = time.monotonic()
        self._silent_s = 0.0
        self._has_swept = False

    def _begun(self) -> Forked | None:
        first, self._first = self._first, None
        if first is not None:
            first.begin()
        return first

    def _fresh(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 (the caller's own command)
            self._command,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        return process

    def _listen(self, process: subprocess.Popen[bytes] | Forked) -> None:
        assert process.stdout is not None
        if process.stdout.read(4096):  # None: nothing was written since the last look
            self._silent_s = 0.0
            self._has_swept = True
        elif self._has_swept:  # the first sweep may have to rebuild a catalogue, which takes its time
            # This counts looks and not the clock: while the machine was suspended, nobody could sweep.
            self._silent_s += KEEP_EVERY_S
            if self._silent_s > self._longest_sweep_s:
                logger.error("the sweep has hung for %.0f s: starting it again", self._silent_s)
                process.kill()

    def _bury(self, process: subprocess.Popen[bytes] | Forked) -> None:
        if time.monotonic() - self._started_at >= _LONG_LIFE_S:
            self._pause_s = _FIRST_PAUSE_S
        logger.error("the sweep ended (%s): starting it again in %g s", process.returncode, self._pause_s)
        self._close_pipes(process)
        self._process = None
        self._due_at = time.monotonic() + self._pause_s
        self._pause_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s)

    def _forget(self) -> None:
        process, self._process = self._process or self._first, None
        self._first = None
        self._due_at = float("inf")
        if process is not None:
            self._close_pipes(process)
        if isinstance(process, subprocess.Popen):
            process.returncode = 0  # it is no child of this process, which must not wait for it

    @staticmethod
    def _close_pipes(process: subprocess.Popen[bytes] | Forked) -> None:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
