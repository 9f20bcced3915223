"""Lines of the log: what may stand in one, and how it is written. `logs` makes them of records of `logging`."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from collections import deque
from contextvars import ContextVar
from multiprocessing.util import Finalize
from select import PIPE_BUF
from typing import Final

# What the current thread is doing is done for the request with this identifier; empty: for none.
REQUEST: Final[ContextVar[str]] = ContextVar("vignette.request", default="")

STANDARD_ERROR: Final = 2

_BATCH_S: Final = 0.1
_MOST_WAITING: Final = 20_000

_IS_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:/+@-]+").fullmatch


def write_line(line: str, descriptor: int = STANDARD_ERROR) -> None:
    """Write *line* and a line feed, by one call if the system takes it whole. A log that is gone stops nobody."""
    rest = f"{line}\n".encode("utf-8", "backslashreplace")
    with contextlib.suppress(OSError):
        while rest:
            rest = rest[os.write(descriptor, rest) :]


class Batches:
    """
    Lines on their way to *descriptor*, written a tenth of a second later, many by one call: on their own, they would
    cost a fast answer more than all else that we do for it. Each call holds whole lines, and no more than `PIPE_BUF`.

    If the log takes nothing, as a pipe that nobody reads, the next lines wait in memory; of more than `_MOST_WAITING`
    the oldest are lost, and the log says so. The process goes on meanwhile. Safe to share between threads and to fork.
    """

    def __init__(self, descriptor: int = STANDARD_ERROR) -> None:
        self._descriptor = descriptor
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """Begin as a process that has said nothing yet."""
        self._lines: deque[str] = deque(maxlen=_MOST_WAITING)
        self._lost = 0
        self._is_due = False
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Have *line* written soon; at the latest when the process ends by itself."""
        if len(self._lines) == _MOST_WAITING:
            self._lost += 1
        self._lines.append(line)
        if not self._is_due:
            self._is_due = True
            if self._writer is None:
                self._start()
            self._wake.set()

    def flush(self) -> None:
        with self._lock:
            self._is_due = False  # first: a line that comes now is either taken along or wakes the writer again
            batch: list[str] = []
            size = 0
            while self._lines:
                line = self._lines.popleft()
                if batch and size + len(line) >= PIPE_BUF:
                    write_line("\n".join(batch), self._descriptor)
                    batch, size = [], 0
                batch.append(line)
                size += len(line) + 1
            if batch:
                write_line("\n".join(batch), self._descriptor)
            if self._lost:
                write_line(
                    f"{time_text(time.time())} warning {self._lost} lines of the log were lost", self._descriptor
                )
                self._lost = 0

    def _start(self) -> None:
        with self._lock:
            if self._writer is not None:
                return
            self._writer = threading.Thread(target=self._run, name="log", daemon=True)
            self._writer.start()
        # Processes that `multiprocessing` has forked do nothing of `atexit`.
        Finalize(None, self.flush, exitpriority=0)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            time.sleep(_BATCH_S)
            self.flush()


class _Clock:
    """The time as in RFC 3339, in UTC and milliseconds. To format a date costs more than a whole line may."""

    def __init__(self) -> None:
        self._last = (0, "")
        self._second = (0, "")

    def text(self, seconds: float) -> str:
        milliseconds = int(seconds * 1000)
        last, text = self._last  # each pair at once: other threads replace it
        if milliseconds == last:
            return text
        whole, rest = divmod(milliseconds, 1000)
        second, prefix = self._second
        if second != whole:
            prefix = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(whole))
            self._second = (whole, prefix)
        text = f"{prefix}{rest:03d}Z"
        self._last = (milliseconds, text)
        return text


time_text: Final = _Clock().text


def quoted(text: str) -> str:
    """Return *text* as it may stand in a line: as it is if it is plain, else as a string of JSON in ASCII."""
    return text if _IS_PLAIN(text) else json.dumps(text)


def escaped(text: str) -> str:
    """Return *text* with each character escaped that is a backslash, or that no reader would see as it is."""
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in text)
