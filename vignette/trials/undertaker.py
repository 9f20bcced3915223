"""
A process that outlives a trial, ends what the trial has started, and removes its folders.

A trial that is killed can clean up nothing itself; and one that is terminated would first have to wait for its threads,
which wait for answers of a service that may be frozen. So the trial dies at once of any signal. The undertaker notices
its death by the end of a pipe, whatever the trial died of.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from vignette.trials.processes import end_marked

# Nothing that is killed takes as long, unless it hangs in the kernel.
_END_LIMIT_S: Final = 60.0

# ECMA-48 as of xterm: a progress bar hides the cursor, and one that dies leaves it hidden.
_SHOW_CURSOR: Final = "\033[?25h"

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_OWN: Final = "own"
_KEEP: Final = "keep"
_DONE: Final = "done"


class _Line:
    """The writing end of the pipe, once there is an undertaker."""

    descriptor: int | None = None

    def write(self, verb: str, folder: Path) -> None:
        if self.descriptor is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self.descriptor, f"{verb} {folder}\0".encode("utf-8", "surrogateescape"))


_line: Final = _Line()


@contextmanager
def undertaken() -> Iterator[None]:
    """
    Have an undertaker while the block runs; to be entered in the main thread, before there are others.

    In the block SIGINT ends this process at once, as SIGTERM and SIGHUP do. After the block the undertaker is gone.
    """
    reader, writer = os.pipe()
    undertaker = os.fork()
    if undertaker == 0:
        try:
            os.close(writer)
            with open(reader, encoding="utf-8", errors="surrogateescape") as words:  # noqa: PTH123 (a descriptor)
                _wait_and_clean_up(words)
        finally:
            os._exit(0)
    os.close(reader)
    former = signal.getsignal(signal.SIGINT)
    if former is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _line.descriptor = writer
    try:
        yield
    finally:
        _line.descriptor = None
        signal.signal(signal.SIGINT, former)
        os.close(writer)
        os.waitpid(undertaker, 0)


@contextmanager
def entrusted(folder: Path) -> Iterator[None]:
    """
    If this process dies within the block, its undertaker kills each process that has the name of *folder* in its
    environment or in the name of an open file, and removes the folder. Without an undertaker nothing happens.

    The folder need not be there yet. After the block it is the caller's again.
    """
    _line.write(_OWN, folder)
    try:
        yield
    finally:
        _line.write(_DONE, folder)


def keep(folder: Path) -> None:
    """Have the undertaker leave *folder* where it is, and only end its processes."""
    _line.write(_KEEP, folder)


def _wait_and_clean_up(words: IO[str]) -> None:
    os.setsid()  # away from the terminal, whose Ctrl-C is meant for the trial
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    orders: dict[str, str] = {}
    for order in words.read().split("\0")[:-1]:
        verb, _, folder = order.partition(" ")
        orders[folder] = verb
    left = {folder: verb for folder, verb in orders.items() if verb != _DONE}
    for folder, verb in left.items():
        end_marked(folder, _END_LIMIT_S)
        if verb == _OWN:
            shutil.rmtree(folder, ignore_errors=True)
    if left and sys.stderr.isatty():
        sys.stderr.write(_SHOW_CURSOR)
        sys.stderr.flush()
