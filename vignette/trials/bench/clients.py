"""
Clients that cost little, for they run on the same cores as what they measure.

Each keeps its connection (RFC 9112, section 9.3), has its request ready as bytes, and lets the kernel send a file
(sendfile(2)): a photo does not pass through Python.
"""

from __future__ import annotations

import http.client
import os
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import BinaryIO, Final, TypeVar

from vignette.trials.bench.answers import Answer, whole_answer
from vignette.trials.bench.tools import BenchUnavailable

T = TypeVar("T")

# Far longer than any answer takes: only a failure reaches it.
LIMIT_S: Final = 120

_BUFFER_BYTES: Final = 65536


class Photo:
    """A JPEG on the disk, opened once for all clients."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = path.stat().st_size
        self._file: BinaryIO = path.open("rb")

    def close(self) -> None:
        self._file.close()

    def send_to(self, connection: socket.socket) -> None:
        sent = 0
        while sent < self.bytes:
            sent += os.sendfile(connection.fileno(), self._file.fileno(), sent, self.bytes - sent)


class Client:
    """One client of the service on *port*, with one connection; to be used by one thread at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: socket.socket | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._hang_up()

    def post(self, what: bytes | Photo) -> Answer:
        """
        Upload a JPEG.

        Raises:
            BenchUnavailable: The connection broke before the answer was whole.
        """
        size = what.bytes if isinstance(what, Photo) else len(what)
        head = f"POST /images HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: {size}\r\n\r\n"
        try:
            connection = self._connected()
            if isinstance(what, Photo):
                connection.sendall(head.encode(), socket.MSG_MORE if hasattr(socket, "MSG_MORE") else 0)
                what.send_to(connection)
            else:
                connection.sendall(head.encode() + what)
            answer = self._answer(connection)
        except (OSError, ValueError) as error:
            raise BenchUnavailable(f"an upload was cut off: {error}") from error
        if answer.is_last:
            self._hang_up()
        return answer

    def upload(self, what: bytes | Photo) -> int:
        """
        Upload a JPEG; return its number.

        Raises:
            BenchUnavailable: There is no answer, or any but 201.
        """
        answer = self.post(what)
        if answer.status != http.client.CREATED:
            raise BenchUnavailable(f"an upload was answered {answer.status}: {answer.body.decode(errors='replace')}")
        return int(answer.body)

    def _connected(self) -> socket.socket:
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self._port))
            # A limit of Python's own would make each call a poll(2) and another one.
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                self._connection.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", LIMIT_S, 0))
        return self._connection

    def _answer(self, connection: socket.socket) -> Answer:
        received = b""
        while (answer := whole_answer(received)) is None:
            piece = connection.recv(_BUFFER_BYTES)
            if not piece:
                raise ConnectionResetError("the service hung up")
            received += piece
        return answer

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def each_by_a_client(port: int, clients: int, work: Callable[[Client, T], int], items: Sequence[T]) -> Iterator[int]:
    """Have *clients* clients, each with a connection of its own, do *work* for all *items*; yield what it returns."""
    with ExitStack() as stack:
        idle: SimpleQueue[Client] = SimpleQueue()
        for _ in range(clients):
            idle.put(stack.enter_context(Client(port)))

        def one(item: T) -> int:
            client = idle.get()
            try:
                return work(client, item)
            finally:
                idle.put(client)

        with ThreadPoolExecutor(clients) as pool:
            yield from pool.map(one, items)
