"""A fork of this process, with what `subprocess.Popen` has of a fresh program: it shares this one's memory."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import subprocess
from collections.abc import Callable
from io import FileIO


class Forked:
    """
    Forks this process. The child does *at_once*, and after `begin` it does *work*. It ends if this process ends before.

    The standard input and output of *work* are pipes; `stdin` and `stdout` are their other ends. The child inherits
    whatever this process holds: fork while it has no thread, no connection and no lock.
    """

    def __init__(self, work: Callable[[], object], *, at_once: Callable[[], object]) -> None:
        read_by_child, written_by_us = os.pipe()
        read_by_us, written_by_child = os.pipe()
        self.stdin = FileIO(written_by_us, "w")
        self.stdout = FileIO(read_by_us, "r")

        def become() -> None:
            self.stdin.close()
            self.stdout.close()
            for end, number in ((read_by_child, 0), (written_by_child, 1)):
                os.dup2(end, number)
                os.close(end)
            at_once()
            if os.read(0, 1):
                work()

        # A garbage collection would write to all memory that is shared, and so have it copied.
        gc.freeze()
        self._process = multiprocessing.get_context("fork").Process(target=become, daemon=True)
        self._process.start()
        os.close(read_by_child)
        os.close(written_by_child)

    def begin(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.stdin.write(b".")

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        """
        Wait for the child's end, *timeout* seconds at most.

        Raises:
            subprocess.TimeoutExpired: It has not ended by then.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a fork", timeout or 0)
        return self._process.exitcode
