"""
Cuts off clients that hold a thread for nothing.

A client that sends a byte a second holds a thread. No timeout of a WSGI server ends that, because a read of the body
returns only when all that was asked for is there. So while a read takes too long, a thread of ours looks at what the
kernel has counted for each connection of this process. It closes the receiving side of each connection on which next to
nothing moves. The read then ends as if the client had gone, and the client can still be told why. A client that takes
nothing of a file holds a thread too, and is cut off in the same way.

Linux only: the kernel counts (tcp(7), TCP_INFO). Elsewhere, put a proxy in front that reads whole bodies first.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from flask import Request
from werkzeug.exceptions import ClientDisconnected

from vignette.errors import MalformedRequest, Refused, UploadTooSlow
from vignette.limits import MIN_BODY_BYTES_PER_S
from vignette.tally import Tally

# linux/tcp.h, struct tcp_info: byte 0 is the state; at byte 120 is how many bytes the client has taken
# (tcpi_bytes_acked), at byte 128 how many it has sent (tcpi_bytes_received).
_ESTABLISHED: Final = 1
_LISTEN: Final = 10
_BYTES_TAKEN_AND_SENT: Final = struct.Struct("=120xQQ")

# How many looks there are in a window: the more there are, the less late a cut comes.
_LOOKS: Final = 4

# After this many windows without anything moving, the connection is ended altogether.
_PATIENCE_WITH_THE_SERVER: Final = 1.5


@dataclass(frozen=True, slots=True)
class _Moved:
    """How many bytes a client had taken from us and sent to us when we looked (`at`, in `time.monotonic`)."""

    at: float
    taken: int
    sent: int


class SlowClients:
    """
    Cuts off a client that in *window_s* seconds takes nothing, and sends less than `limits.MIN_BODY_BYTES_PER_S`.

    Its thread starts with the first read, because the process that serves may be a fork of the one that built this.
    """

    def __init__(self, window_s: float) -> None:
        self.window_s = window_s
        self._moves: dict[object, float] = {}
        self._busy = threading.Condition()
        self._process = 0
        self._last_cut = 0.0

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Wrap a read of a body, or the sending of a file: it may take long only while something moves."""
        mover = object()
        with self._busy:
            self._moves[mover] = time.monotonic()
            if self._process != os.getpid() and sys.platform == "linux":
                self._process = os.getpid()
                threading.Thread(target=self._watch, name="slow clients", daemon=True).start()
            self._busy.notify()
        try:
            yield
        finally:
            with self._busy:
                del self._moves[mover]

    def watched(self, request: Request) -> WatchedBody:
        """Return the body of *request*; each of its reads is wrapped in `moving`."""
        return WatchedBody(request, self)

    def has_cut_since(self, begun: float) -> bool:
        """Whether we may have cut off a read that began at *begun* (`time.monotonic`) and ended too soon."""
        return self._last_cut >= begun

    def _watch(self) -> None:
        first_looks: dict[str, _Moved] = {}
        while True:
            with self._busy:
                while not self._moves:
                    first_looks = {}
                    self._busy.wait()
                oldest = min(self._moves.values())
            time.sleep(self.window_s / _LOOKS)
            if time.monotonic() - oldest >= self.window_s / _LOOKS:
                first_looks = self._look(first_looks)

    def _look(self, before: dict[str, _Moved]) -> dict[str, _Moved]:
        """Cut off the connections that have stood still since *before*; return what to compare with next time."""
        now, since = time.monotonic(), {}
        for name, connection, moved in _connections(now):
            with connection:
                earlier = before.get(name, moved)
                if moved.taken != earlier.taken or moved.sent - earlier.sent >= self.window_s * MIN_BODY_BYTES_PER_S:
                    earlier = moved
                since[name] = earlier
                stood_still_s = now - earlier.at
                if stood_still_s >= self.window_s:
                    self._last_cut = time.monotonic()
                    # At first in such a way that the client may still be told why. A web server that has another
                    # request in hand does not notice that.
                    is_noticed = stood_still_s < _PATIENCE_WITH_THE_SERVER * self.window_s
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RD if is_noticed else socket.SHUT_RDWR)
        return since


class WatchedBody:
    """The body of a request. Each read of it may take long only while something moves."""

    def __init__(self, request: Request, slow_clients: SlowClients) -> None:
        self._stream = request.stream
        self._has_length = request.content_length is not None
        self._slow_clients = slow_clients
        self._last_read = self._this_read = time.monotonic()

    def read(self, size: int, /) -> bytes:
        self._last_read, self._this_read = self._this_read, time.monotonic()
        try:
            with self._slow_clients.moving():
                chunk: bytes = self._stream.read(size)
        except (OSError, ClientDisconnected) as error:
            if self._has_length:  # the caller counts the bytes, and finds some missing
                return b""
            raise self._refusal("the body broke off") from error
        return chunk

    def broken_off(self, tally: Tally) -> Refused:
        length = tally.announced.length
        return self._refusal(f"the body ended after {tally.bytes} of {length} bytes", tally.bytes, length)

    def _refusal(self, words: str, measured: int | None = None, limit: int | None = None) -> Refused:
        # The cut may have hit the read before this one, which then returned what little there was.
        if self._slow_clients.has_cut_since(self._last_read):
            return UploadTooSlow(
                f"{words}: less than {MIN_BODY_BYTES_PER_S} bytes a second came over"
                f" {self._slow_clients.window_s:g} seconds"
            )
        return MalformedRequest(words, measured=measured, limit=limit)


def _connections(now: float) -> Iterator[tuple[str, socket.socket, _Moved]]:
    """Yield each connection that this process has accepted: its name, a socket to close after use, what has moved."""
    accepted, ports = [], set()
    for name, opened in _sockets():
        with suppress(OSError):
            counts = opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_TAKEN_AND_SENT.size)
            port = opened.getsockname()[1]
            if counts[0] == _LISTEN:
                ports.add(port)
            elif counts[0] == _ESTABLISHED:
                accepted.append((name, opened, port, _Moved(now, *_BYTES_TAKEN_AND_SENT.unpack(counts))))
                continue
        opened.close()
    for name, opened, port, moved in accepted:
        if port in ports:
            yield name, opened, moved
        else:  # a connection of ours to a database or a queue
            opened.close()


def _sockets() -> Iterator[tuple[str, socket.socket]]:
    """Yield every TCP socket of this process: the kernel's name for it, and the socket under a new descriptor."""
    for descriptor in os.listdir("/proc/self/fd"):  # noqa: PTH208 (names, not paths)
        with suppress(OSError):
            name = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 (it is no path)
            if not name.startswith("socket:"):
                continue
            duplicate = os.dup(int(descriptor))
            try:
                opened = socket.socket(fileno=duplicate)
            except OSError:  # the socket was closed meanwhile, and its number given to something else
                os.close(duplicate)
                continue
            if opened.family in (socket.AF_INET, socket.AF_INET6) and opened.type == socket.SOCK_STREAM:
                yield name, opened
            else:
                opened.close()
