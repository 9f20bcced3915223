"""The service that is tortured: started as a user would, found again by its processes, and gone afterwards."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from vignette.settings import PROJECT_FOLDER
from vignette.torture.ledger import Ledger
from vignette.torture.processes import children_of, command_line, marked, parent_of, send

# A lease lasts this long and `LEASE_MARGIN_S`: so long an image waits whose worker was killed with all its children.
RENDER_SECONDS: Final = 1

# Sound pictures have to end ready however often their worker is killed.
MAX_ATTEMPTS: Final = 20

# What a start may take, on a machine that has other things to do; processes of the one before may have to end first.
START_LIMIT_S: Final = 90.0

_GONE_LIMIT_S: Final = 30.0


class Victim:
    """Its folders lie below *folder*, whose name must be unique: it marks the processes."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.folder = folder
        self.upload_folder = folder / "uploads"
        self.state_folder = folder / "state"
        self.port = _free_port()
        self.log = folder / "service.log"
        self._ledger = ledger
        self._process: subprocess.Popen[bytes] | None = None
        self._no_settings = folder / "empty.toml"
        self._no_settings.touch()

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VIGNETTE_")}
        return inherited | {
            "PYTHONPATH": str(PROJECT_FOLDER),
            "VIGNETTE_CONFIG": str(self._no_settings),
            "VIGNETTE_PORT": str(self.port),
            "VIGNETTE_UPLOAD_FOLDER": str(self.upload_folder),
            "VIGNETTE_STATE_FOLDER": str(self.state_folder),
            "VIGNETTE_RENDER_SECONDS": str(RENDER_SECONDS),
            "VIGNETTE_RENDER_PROCESSES": "2",
            "VIGNETTE_MAX_ATTEMPTS": str(MAX_ATTEMPTS),
        }

    @property
    def supervisor(self) -> int | None:
        """Its number, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the supervisor if it does not run; it is not waited for."""
        if self.supervisor is not None:
            return
        if self._process is not None and self._process.returncode == 1:
            time.sleep(0.5)  # it could not start; what is in its way has to end first
        with self.log.open("ab") as words:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vignette", "serve"],
                cwd=PROJECT_FOLDER,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
            )

    def is_ready(self) -> bool:
        """Whether all of it is up: folder, catalogue, queue, worker."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return bool(json.loads(connection.getresponse().read())["status"] == "ready")
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            connection.close()

    def bring_up(self) -> bool:
        """Start what does not run, until all is ready; return whether that came within the limit."""
        deadline = time.monotonic() + START_LIMIT_S
        while not self.is_ready():
            if time.monotonic() > deadline:
                return False
            self.start()
            time.sleep(0.1)
        return True

    def parts(self) -> dict[str, list[tuple[int, int]]]:
        """Its processes that run now, by what they are: each with its number and that of its parent."""
        found: dict[str, list[tuple[int, int]]] = {}
        if (supervisor := self.supervisor) is None:
            return found
        found["supervisor"] = [(supervisor, os.getpid())]
        for number in children_of(supervisor):
            line = command_line(number)
            name = next((part for word, part in _PARTS.items() if word in line), None)
            if name is None:
                continue
            found.setdefault(name, []).append((number, supervisor))
            for child in children_of(number):
                if "resource_tracker" not in command_line(child):
                    found.setdefault(f"{name} child", []).append((child, number))
        return found

    def thaw_orphan(self, number: int) -> None:
        """Let a process of ours go on that has lost the parent with which it was frozen."""
        if number in marked(str(self.folder)) and (parent := parent_of(number)) is not None:
            send(number, parent, signal.SIGCONT)

    def flush_queue(self) -> bool:
        """Empty the embedded server; return whether it said that it did."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(os.fspath(self.state_folder / "broker.sock"))
                connection.sendall(b"FLUSHALL\r\n")
                return connection.recv(64).startswith(b"+OK")
        except OSError:
            return False

    def stop(self) -> int | None:
        """Stop it in good order; return its exit status."""
        if self._process is None:
            return None
        self._process.terminate()
        try:
            return self._process.wait(_GONE_LIMIT_S)
        except subprocess.TimeoutExpired:
            return None

    def destroy(self) -> list[int]:
        """Make sure that nothing of it runs; return the numbers of what did after the supervisor had gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        deadline = time.monotonic() + _GONE_LIMIT_S
        while (left := marked(str(self.folder))) and time.monotonic() < deadline:
            time.sleep(0.1)
        for number in left:
            if (parent := parent_of(number)) is not None:
                send(number, parent, signal.SIGKILL)
        return left


_PARTS: Final = {"granian": "web server", "celery": "worker", "valkey": "broker", "redis": "broker"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
