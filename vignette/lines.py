"""Lines of the log: what may stand in one, and how it is written. `logs` makes them of records of `logging`."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import stat
import sys
import termios
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

# At the end of a process: how long its last lines may wait for a log that takes nothing.
_END_S: Final = 1.0
_LOOK_AGAIN_S: Final = 0.01

_IS_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:/+@-]+").fullmatch


def write_line(line: str, descriptor: int = STANDARD_ERROR, *, patience_s: float | None = None) -> None:
    """
    Write *line* and a line feed, by one call if the system takes it whole. A log that is gone stops nobody.

    If *patience_s* is given, a line that the log does not take within so many seconds is lost.
    """
    text = _encoded(line)
    if patience_s is None or _takes(descriptor, len(text), patience_s):
        _write(text, descriptor)


def _encoded(line: str) -> bytes:
    return f"{line}\n".encode("utf-8", "backslashreplace")


def _write(text: bytes, descriptor: int) -> None:
    with contextlib.suppress(OSError):
        while text:
            text = text[os.write(descriptor, text) :]


def _takes(descriptor: int, size: int, patience_s: float = 0) -> bool:
    """Whether *size* bytes can be written without waiting, now or within *patience_s* seconds."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    if not poll.poll(1000 * patience_s):
        return False
    # A pipe says so as soon as it has room for PIPE_BUF bytes. For more, it has to be empty.
    return size <= PIPE_BUF or not _is_pipe(descriptor) or _waiting_in(descriptor) == 0


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _waiting_in(pipe: int) -> int:
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


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
        self._taken: list[bytes] = []  # out of `_lines`, and not written yet
        self._lost = 0
        self._is_due = False
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._writer: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Have *line* written soon; at the latest when the process ends by itself."""
        self._add(line)
        self._be_due()

    def write_now(self, line: str) -> None:
        """Write *line* before this returns, unless the log takes nothing or another thread writes: then as `write`."""
        if not self._lock.acquire(blocking=False):
            self.write(line)
            return
        try:
            self._add(line)
            is_written = self._write_out(may_wait=False)
        finally:
            self._lock.release()
        # What came meanwhile from threads that did not get the lock has woken the writer.
        if not is_written:
            self._be_due()

    def flush(self) -> None:
        """Write all lines, however long the log lets us wait."""
        with self._lock:
            self._is_due = False  # first: a line that comes now is either taken along or wakes the writer again
            self._write_out(may_wait=True)

    def _add(self, line: str) -> None:
        if len(self._lines) == _MOST_WAITING:
            self._lost += 1
        self._lines.append(line)

    def _be_due(self) -> None:
        if not self._is_due:
            self._is_due = True
            if self._writer is None:
                self._start()
            self._wake.set()

    def _write_out(self, *, may_wait: bool) -> bool:
        """Under the lock. Return whether all is written; if not, the log would have let us wait."""
        while batch := self._next_batch():
            text = b"".join(batch)
            if not may_wait and not _takes(self._descriptor, len(text)):
                return False
            _write(text, self._descriptor)
            del self._taken[: len(batch)]
        if self._lost:
            lost, self._lost = self._lost, 0
            self._taken.append(_encoded(f"{time_text(time.time())} warning {lost} lines of the log were lost"))
            return self._write_out(may_wait=may_wait)
        return True

    def _next_batch(self) -> list[bytes]:
        """Under the lock. Return the next lines that fit into one call: one at least, if there is any."""
        size = count = 0
        while True:
            if count == len(self._taken):
                try:
                    self._taken.append(_encoded(self._lines.popleft()))
                except IndexError:
                    return self._taken[:count]
            size += len(self._taken[count])
            if count and size > PIPE_BUF:
                return self._taken[:count]
            count += 1

    def _start(self) -> None:
        with self._starting:
            if self._writer is not None:
                return
            self._writer = threading.Thread(target=self._run, name="log", daemon=True)
            self._writer.start()
        # Processes that `multiprocessing` has forked do nothing of `atexit`.
        Finalize(None, self._end, exitpriority=0)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            time.sleep(_BATCH_S)
            self.flush()

    def _end(self) -> None:
        """Write what is left; but a log that takes nothing does not keep the process from ending."""
        deadline = time.monotonic() + _END_S
        while time.monotonic() < deadline:
            if self._lock.acquire(timeout=_LOOK_AGAIN_S):
                try:
                    if self._write_out(may_wait=False):
                        return
                finally:
                    self._lock.release()
                time.sleep(_LOOK_AGAIN_S)


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
