"""
A client that asks for pages as fast as it gets them, over many connections at a time, until its standard input closes.

    python -m vignette.trials.hammer ADDRESS PORT CONNECTIONS PATH …

It comes from ADDRESS, and is a process of its own: its work does not slow down whoever measures beside it. At the end
it writes how often each status was answered, as JSON.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import cycle
from typing import Final

_BUFFER_BYTES: Final = 1 << 18

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class _Line:
    """A connection, and the answer that comes over it."""

    def __init__(self, source: str, port: int, requests: Iterator[bytes]) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), source_address=(source, 0))
        self._requests = requests
        self._head = b""
        self._missing = 0

    def ask(self) -> None:
        self.connection.sendall(next(self._requests))

    def hear(self) -> str:
        """
        Read what has come; return the status of an answer that is whole now, else nothing.

        Raises:
            OSError: The service has ended the connection.
        """
        came = self.connection.recv(_BUFFER_BYTES)
        if not came:
            raise ConnectionResetError
        if self._missing:
            self._missing -= len(came)
        else:
            self._head += came
            head, end, body = self._head.partition(b"\r\n\r\n")
            if not end:
                return ""
            length = _LENGTH.search(head + b"\r\n")
            self._missing = (int(length[1]) if length else 0) - len(body)
        if self._missing > 0:
            return ""
        status, self._head, self._missing = self._head[9:12].decode(), b"", 0
        return status


def hammer(source: str, port: int, connections: int, paths: Sequence[str]) -> Counter[str]:
    """Ask until standard input closes; return how often each status was answered. "cut" counts broken connections."""
    requests = cycle(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in paths)
    answered: Counter[str] = Counter()
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        missing = connections
        while True:
            while missing:
                with suppress(OSError):
                    line = _Line(source, port, requests)
                    line.ask()
                    selector.register(line.connection, selectors.EVENT_READ, line)
                missing -= 1
            for key, _ in selector.select():
                if key.data is None:
                    return answered
                try:
                    if status := key.data.hear():
                        answered[status] += 1
                        key.data.ask()
                except OSError:
                    answered["cut"] += 1
                    selector.unregister(key.fileobj)
                    key.data.connection.close()
                    missing += 1


if __name__ == "__main__":
    print(json.dumps(hammer(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])))  # noqa: T201
