"""
A process that asks for files at a fixed rate, whatever becomes of the answers, until its standard input closes.

    python -m vignette.trials.bench.probe RATE ACCEPT PORT PATH [PORT PATH] …

Each target is asked RATE times a second; the targets take turns, request by request, so that they meet the same load.
A wait is counted from the instant at which the request was due: a server that stands still for a second does not only
have one late answer, but all that were due in that second. No request waits for the answer to another one.

It says when it begins. At the end it writes a line of JSON: `waits_s` has a list for each target, and `late_s` tells
how much later than due each request was sent, for the probe too waits for a processor. If something goes wrong, the
line has `error`.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from itertools import cycle
from typing import Any, Final

from vignette.trials.bench.answers import whole_answer

READY: Final = "asking"

# Far longer than any answer takes: only a failure reaches it.
_LIMIT_S: Final = 60.0

# To each target; with more, a server that is too slow for the rate would only get slower. What finds none waits on.
_CONNECTIONS: Final = 256

_BUFFER_BYTES: Final = 65536


class _Target:
    def __init__(self, accept: str, port: int, path: str) -> None:
        self.address = ("127.0.0.1", port)
        self.request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n".encode()
        self.idle: list[_Line] = []
        self.lines = 0
        self.due: deque[float] = deque()
        self.waits_s: list[float] = []


class _Line:
    """A connection, and the request that it carries now, if any: one that was due at `due`."""

    def __init__(self, target: _Target) -> None:
        self.target = target
        self.connection = socket.socket()
        self.connection.setblocking(False)
        self.due: float | None = None
        self.received = b""


class _Probe:
    def __init__(self, targets: Sequence[_Target], rate: float) -> None:
        self._targets = targets
        self._period_s = 1 / rate / len(targets)
        self._selector = selectors.DefaultSelector()
        self._unanswered = 0
        self._late_s: list[float] = []

    def run(self, until_closed: int) -> dict[str, Any]:
        """Ask until the descriptor *until_closed* ends, then wait for the answers that are to come yet."""
        self._selector.register(until_closed, selectors.EVENT_READ)
        turns = cycle(self._targets)
        due = time.monotonic() + self._period_s
        is_over = False
        while not is_over or self._unanswered:
            now = time.monotonic()
            if is_over and now > due + _LIMIT_S:
                raise TimeoutError(f"{self._unanswered} requests have no answer after {_LIMIT_S:.0f} s")
            if not is_over and now >= due:
                target = next(turns)
                target.due.append(due)
                self._unanswered += 1
                self._late_s.append(now - due)
                due += self._period_s
                self._ask(target)
            for key, events in self._selector.select(1.0 if is_over else max(0.0, due - time.monotonic())):
                if not isinstance(key.data, _Line):
                    is_over = True
                    self._selector.unregister(until_closed)
                elif events & selectors.EVENT_WRITE:
                    self._send(key.data)
                else:
                    self._hear(key.data)
        return {"waits_s": [target.waits_s for target in self._targets], "late_s": self._late_s}

    def _ask(self, target: _Target) -> None:
        """Send what is due, as far as there are connections for it."""
        while target.due and (target.idle or target.lines < _CONNECTIONS):
            line = target.idle.pop() if target.idle else self._connect(target)
            line.due, line.received = target.due.popleft(), b""
            self._selector.modify(line.connection, selectors.EVENT_WRITE, line)

    def _connect(self, target: _Target) -> _Line:
        line = _Line(target)
        target.lines += 1
        line.connection.connect_ex(target.address)  # what fails is seen when it is written to
        self._selector.register(line.connection, selectors.EVENT_WRITE, line)
        return line

    def _send(self, line: _Line) -> None:
        try:
            line.connection.sendall(line.target.request)
        except (BrokenPipeError, ConnectionResetError):  # the server has closed it while it was idle
            self._lost(line)
        else:
            self._selector.modify(line.connection, selectors.EVENT_READ, line)

    def _hear(self, line: _Line) -> None:
        try:
            piece = line.connection.recv(_BUFFER_BYTES)
        except ConnectionResetError:
            piece = b""
        line.received += piece
        if not piece:
            self._lost(line)
        elif answer := whole_answer(line.received):
            assert line.due is not None
            line.target.waits_s.append(time.monotonic() - line.due)
            line.due = None
            self._unanswered -= 1
            if answer.status != 200:
                raise ValueError(f"answered {answer.status}")
            if answer.is_last:
                self._hang_up(line)
            else:
                line.target.idle.append(line)
            self._ask(line.target)

    def _lost(self, line: _Line) -> None:
        """Hang up. If the server has closed the connection in the instant of a request, have that sent again."""
        self._hang_up(line)
        if line.due is None:
            line.target.idle.remove(line)
        elif line.received:
            raise ConnectionResetError("an answer was cut off")
        else:
            line.target.due.appendleft(line.due)
            self._ask(line.target)

    def _hang_up(self, line: _Line) -> None:
        self._selector.unregister(line.connection)
        line.connection.close()
        line.target.lines -= 1


def main() -> None:
    rate, accept, *words = sys.argv[1:]
    targets = [_Target(accept, int(port), path) for port, path in zip(words[::2], words[1::2], strict=True)]
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    try:
        found = _Probe(targets, float(rate)).run(sys.stdin.fileno())
    except (OSError, ValueError) as error:
        found = {"error": str(error)}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
