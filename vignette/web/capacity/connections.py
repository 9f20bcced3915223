"""
The connections that this process has accepted, as the kernel counts them (Linux only: tcp(7), TCP_INFO).

The web server does not tell which connection a request came over, so this looks at all of them.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from vignette.web.http.clients import holder_of

# linux/tcp.h, struct tcp_info: the state; at byte 44, how many ms ago we sent data, at 52, how many ms ago the client
# did (tcpi_last_data_sent, tcpi_last_data_recv); at 120, how many bytes the client has taken (tcpi_bytes_acked), at
# 128, how many it has sent (tcpi_bytes_received), at 144, how many wait in the kernel for it (tcpi_notsent_bytes).
_COUNTS: Final = struct.Struct("=B43xI4xI64xQQ8xI")
_ESTABLISHED: Final = 1
_LISTEN: Final = 10


@dataclass(frozen=True, slots=True)
class Connection:
    """
    `inode` is the kernel's name for the connection, `descriptor` ours. `peer` is the holder that the other side is.
    `taken`, `sent` and `untaken` are the bytes that the client took, that it sent, and that wait for it. Neither side
    has sent anything for `still_s` seconds.
    """

    inode: int
    descriptor: int
    peer: str
    taken: int
    sent: int
    untaken: int
    still_s: float

    def end(self, how: int = socket.SHUT_RDWR) -> None:
        """Shut the connection down, unless it is closed already. The web server then closes it."""
        with suppress(OSError):
            if os.fstat(self.descriptor).st_ino != self.inode:
                return
            # The web server may close its own descriptor meanwhile, and the number be given to something else.
            duplicate = os.dup(self.descriptor)
            status = os.fstat(duplicate)
            if not stat.S_ISSOCK(status.st_mode):
                return  # it stays open: see `_socket`
            with socket.socket(fileno=duplicate) as opened:
                if status.st_ino == self.inode:
                    opened.shutdown(how)


def connections() -> list[Connection]:
    """Return all connections that this process has accepted; none while it has no descriptor left to look with."""
    found, ports = [], set()
    for name in descriptors():
        descriptor = int(name)
        with suppress(OSError), _socket(descriptor) as opened:
            if opened.family not in (socket.AF_INET, socket.AF_INET6) or opened.type != socket.SOCK_STREAM:
                continue
            counts = opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _COUNTS.size)
            port = opened.getsockname()[1]
            if counts[0] == _LISTEN:
                ports.add(port)
            elif counts[0] == _ESTABLISHED and len(counts) == _COUNTS.size:
                _, last_sent_ms, last_received_ms, taken, sent, untaken = _COUNTS.unpack(counts)
                still_s = min(last_sent_ms, last_received_ms) / 1000
                inode = os.fstat(descriptor).st_ino
                peer = holder_of(opened.getpeername()[0])
                found.append((port, Connection(inode, descriptor, peer, taken, sent, untaken, still_s)))
    # The others are connections of ours to a database or a queue.
    return [connection for port, connection in found if port in ports]


def descriptors() -> list[str]:
    """Return the numbers of all descriptors of this process; none if not even one is left to look with."""
    try:
        return os.listdir("/proc/self/fd")  # noqa: PTH208 (numbers, not paths)
    except OSError:
        return []


@contextmanager
def _socket(descriptor: int) -> Iterator[socket.socket]:
    """
    Give the socket behind *descriptor*, which stays as it is.

    No descriptor is duplicated and closed to look at it. It may be a file of SQLite, and whoever closes any descriptor
    of a file gives up all locks of the process on it (fcntl(2)).

    Raises:
        OSError: It is no socket.
    """
    opened = socket.socket(fileno=descriptor)
    try:
        yield opened
    finally:
        opened.detach()
