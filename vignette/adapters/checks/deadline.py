"""
Connections that end in time, whatever the other side does.

A time limit of a socket holds for each call, and the other side may send a byte just before each ends. So here the time
that is left is the limit of the next call.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from vignette.adapters.impatient import Impatient
from vignette.limits import KIB

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

# Answers are verdicts: what is longer, with all of its headers, is none.
_MOST_RECEIVED_BYTES: Final = 64 * KIB

Dial = Callable[["Deadline"], socket.socket]
"""Makes a connection, and raises `OSError` if that cannot be done in time."""


class TooMuchReceived(OSError):
    """The other side has sent more than any answer has."""


class Deadline:
    """A moment, *seconds* from now."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def left_s(self) -> float:
        """Return the seconds until then; raise `TimeoutError` if it has passed."""
        left_s = self._ends - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the time is over")
        return left_s


class Line(io.RawIOBase):
    """
    A connection until a *deadline*, as much of a socket as `http.client` needs. What it raises is an `OSError`.

    `hang_up` ends it, `close` does not: `http.client` closes sockets that it still reads from.
    """

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline
        self._received = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._socket.settimeout(self._deadline.left_s())
        count = self._socket.recv_into(buffer)
        self._received += count
        if self._received > _MOST_RECEIVED_BYTES:
            raise TooMuchReceived("the answer is too long")
        return count

    def sendall(self, content: ReadableBuffer) -> None:
        rest = memoryview(content)
        while rest:
            self._socket.settimeout(self._deadline.left_s())
            rest = rest[self._socket.send(rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def close(self) -> None:
        """Do nothing; see above."""

    def hang_up(self) -> None:
        self._socket.close()


@contextmanager
def line(dial: Dial, seconds: float) -> Iterator[Line]:
    """Give a connection that ends after *seconds*, the time to make it included; raise `OSError`."""
    deadline = Deadline(seconds)
    connected = Line(dial(deadline), deadline)
    try:
        yield connected
    finally:
        connected.hang_up()


class TcpDial:
    """A `Dial` to *host* and *port*; with *tls*, the other side has to prove that it is *host*."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        # Nothing else ends a look-up of a name in time.
        self._resolver = Impatient()

    def __call__(self, deadline: Deadline) -> socket.socket:
        connected = self._connect(deadline)
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is None:
                return connected
            connected.settimeout(deadline.left_s())
            return self._tls.wrap_socket(connected, server_hostname=self._host)
        except BaseException:
            connected.close()
            raise

    def _connect(self, deadline: Deadline) -> socket.socket:
        failure: OSError | None = None
        for family, kind, protocol, _, address in self._addresses(deadline):
            opened = socket.socket(family, kind, protocol)
            try:
                opened.settimeout(deadline.left_s())
                opened.connect(address)
            except OSError as error:
                opened.close()
                failure = error
            else:
                return opened
        raise failure or OSError(f"{self._host} has no address")

    def _addresses(self, deadline: Deadline) -> Sequence[tuple[int, int, int, str, Any]]:
        look_up = partial(socket.getaddrinfo, self._host, self._port, type=socket.SOCK_STREAM)
        return self._resolver.call(look_up, deadline.left_s())


class UnixDial:
    """A `Dial` to the socket at *path*."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __call__(self, deadline: Deadline) -> socket.socket:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            opened.settimeout(deadline.left_s())
            opened.connect(self._path)
        except BaseException:
            opened.close()
            raise
        return opened
