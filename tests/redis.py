"""Runs a real Redis-compatible server on a private socket; it listens on no port."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import redis

from vignette.running.embedded_broker import find_server


class RedisServer:
    """
    A server that starts with the object, and has its append-only file below *folder*.

    A test may `freeze` and `thaw` it, or `kill` it and `start` it again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Not in pytest's folder: the path may be too long for a socket.
        self._socket_folder = tempfile.TemporaryDirectory(prefix="vr")
        self.socket = Path(self._socket_folder.name) / "r.sock"
        self.url = f"redis+socket://{self.socket}"
        self.client = redis.Redis(unix_socket_path=str(self.socket))
        self.start(folder)

    def start(self, folder: Path | None = None) -> None:
        """Start the server at the same address, on the same files, or on those below another *folder*."""
        self._folder = folder or self._folder
        self._folder.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [
                find_server(),
                *("--port", "0", "--unixsocket", self.socket, "--dir", self._folder),
                *("--appendonly", "yes", "--save", "", "--loglevel", "warning"),
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                self.client.ping()
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Stop the process: the kernel still accepts connections, but the server does not answer."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.kill()
        self.client.close()
        self._socket_folder.cleanup()


Answers = Callable[[bytes], Iterator[bytes]]
"""What comes instead of some bytes of the server's answers, piece by piece."""


def late(seconds: float) -> Answers:
    """Each answer comes so many *seconds* late."""

    def answers(content: bytes) -> Iterator[bytes]:
        time.sleep(seconds)
        yield content

    return answers


def endless(_content: bytes) -> Iterator[bytes]:
    """An answer that goes on for ever, a byte at a time."""
    yield b"+"
    while True:
        time.sleep(0.05)
        yield b"x"


@contextlib.contextmanager
def bad_line(server: RedisServer, answers: Answers) -> Iterator[str]:
    """The URL of a way to *server* on which its answers come as *answers* has them."""
    with tempfile.TemporaryDirectory(prefix="vl") as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/l.sock")
        listening.listen(100)
        threading.Thread(target=_accept, args=(listening, server, answers), daemon=True).start()
        try:
            yield f"redis+socket://{folder}/l.sock"
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def _accept(listening: socket.socket, server: RedisServer, answers: Answers) -> None:
    with contextlib.suppress(OSError):
        while True:
            client = listening.accept()[0]
            behind = socket.socket(socket.AF_UNIX)
            try:
                behind.connect(str(server.socket))
            except OSError:  # it has been closed, and somebody who was given up still asks
                client.close()
                behind.close()
                continue
            threading.Thread(target=_pass_on, args=(client, behind, lambda some: [some]), daemon=True).start()
            threading.Thread(target=_pass_on, args=(behind, client, answers), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, pieces: Callable[[bytes], Iterable[bytes]]) -> None:
    with contextlib.suppress(OSError), source, target:
        while some := source.recv(65536):
            for piece in pieces(some):
                target.sendall(piece)
