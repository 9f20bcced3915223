"""
Clients that are up to no good, to see what others feel beside them: they open connections, and do next to nothing, or
ask for pages as fast as they get them.

They come from an address of their own, 127.0.0.2, which Linux has without being asked. A connection that the service
ends is opened again.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from vignette.running.descriptors import raise_the_limit
from vignette.settings import PROJECT_FOLDER

ADDRESS: Final = "127.0.0.2"

_TICK_S: Final = 0.25

# Small, so that what a client does not read stays with the service.
_RECEIVE_BUFFER_BYTES: Final = 4096

# An upload without an end: so many bytes are announced.
_ANNOUNCED: Final = 100 * 1024 * 1024
_UPLOAD: Final = (
    f"POST /images HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: {_ANNOUNCED}\r\n\r\n"
).encode() + b"\x89PNG\r\n\x1a\n"


# A form and a JSON object that never come. Whoever asks for a session needs no key.
_SIGN_IN: Final = (
    b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
)
_CHANGE: Final = (
    b"PATCH /images/0 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nContent-Type: application/json\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Attack:
    """
    At most `connections` at a time, of which at most `opened_per_s` are opened in a second. Each sends `first`, then
    `sent_per_s` bytes a second, and reads `read_per_s`.
    """

    name: str
    connections: int
    first: bytes = b""
    sent_per_s: int = 0
    read_per_s: int = 0
    opened_per_s: float = 2000


def attacks(original: str, connections: int) -> tuple[Attack, ...]:
    """Return all attacks. *original* is the path of a file that is larger than what the kernel keeps."""
    get = f"GET {original} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    return (
        Attack("idle connections", connections),
        Attack("half heads", connections, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX"),
        Attack("kept alive", connections, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", read_per_s=1000),
        Attack("still uploads", 90, _UPLOAD),
        Attack("slow uploads", 90, _UPLOAD, sent_per_s=1200),
        Attack("still forms", 90, _SIGN_IN),
        Attack("still changes", 90, _CHANGE),
        Attack("slow readers", 40, get, read_per_s=1000),
        Attack("many originals", 1000, get, opened_per_s=24),
    )


# What costs a web process processor time, and is answered by itself alone: pages, lists, facts, refusals.
PAGES: Final = (
    *("/", "/images", "/images?limit=500", "/images?before=1", "/images/0", "/images/0/metadata.json"),
    *("/images/0/metadata.txt", "/vignette/999999999", "/nothing", "/docs", "/openapi.json", "/limits"),
)
HAMMERS: Final = 100


@dataclass(slots=True)
class Hammering:
    """What a hammer was answered, once the block of `hammering` has ended: how often each status."""

    answered: dict[str, int] = field(default_factory=dict)


@contextmanager
def hammering(port: int, connections: int = HAMMERS, paths: Sequence[str] = PAGES) -> Iterator[Hammering]:
    """Have a process ask for *paths* over so many *connections* as fast as it can while the block runs."""
    found = Hammering()
    with subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-m", "vignette.trials.hammer", ADDRESS, str(port), str(connections), *paths],
        cwd=PROJECT_FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield found
            words, _ = process.communicate()
        finally:
            process.kill()
    found.answered = json.loads(words)


@contextmanager
def attacking(port: int, attack: Attack) -> Iterator[Strangers]:
    """Have *attack* go on against the service on *port* while the block runs."""
    raise_the_limit()
    strangers = Strangers(port, attack)
    thread = threading.Thread(target=strangers.run, name=attack.name)
    thread.start()
    try:
        yield strangers
    finally:
        strangers.stopping.set()
        thread.join()


class Strangers:
    """The connections of one attack. `opened` counts all of them, `open` those of this moment."""

    def __init__(self, port: int, attack: Attack) -> None:
        self.stopping = threading.Event()
        self.opened = 0
        self._port = port
        self._attack = attack
        self._connections: list[socket.socket] = []

    @property
    def open(self) -> int:
        return len(self._connections)

    def run(self) -> None:
        begun = time.monotonic()
        last_tick = begun
        while not self.stopping.wait(_TICK_S):
            now = time.monotonic()
            self._connections = [one for one in self._connections if self._goes_on(one, now - last_tick)]
            missing = self._attack.connections - len(self._connections)
            allowed = self._attack.opened_per_s * (now - last_tick)
            for _ in range(min(missing, max(1, round(allowed)))):
                if self.stopping.is_set():
                    break
                self._open()
            last_tick = now
        for one in self._connections:
            one.close()

    def _open(self) -> None:
        connection = socket.socket()
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            connection.bind((ADDRESS, 0))
            connection.settimeout(1)
            connection.connect(("127.0.0.1", self._port))
            connection.sendall(self._attack.first)
            connection.setblocking(False)
        except OSError:  # the service takes no more
            connection.close()
            return
        self.opened += 1
        self._connections.append(connection)

    def _goes_on(self, connection: socket.socket, seconds: float) -> bool:
        """Send and read what is due after so many *seconds*; False if the service has ended the connection."""
        try:
            with suppress(BlockingIOError):
                connection.send(b"x" * round(self._attack.sent_per_s * seconds))
            if self._attack.read_per_s:
                with suppress(BlockingIOError):
                    if not connection.recv(max(1, round(self._attack.read_per_s * seconds))):
                        raise ConnectionResetError
            else:
                with suppress(BlockingIOError):
                    if not connection.recv(1, socket.MSG_PEEK):
                        raise ConnectionResetError
                    if self._attack.sent_per_s or self._attack.first.startswith(b"POST"):
                        raise ConnectionResetError  # answered: refused
        except OSError:
            connection.close()
            return False
        return True
