"""Runs a real Redis-compatible server on a private socket; it listens on no port."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
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
