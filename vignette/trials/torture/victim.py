"""The service that is tortured: which processes it has now, and how to empty its queue."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from vignette.settings import PROJECT_FOLDER
from vignette.trials.own_service import OwnService
from vignette.trials.processes import children_of, command_line, marked, name_of, parent_of, send
from vignette.worker.sweeper import PROCESS_NAME

# A lease lasts this long and `LEASE_MARGIN_S`. If a worker is killed with all its children, their images wait until
# the leases end. With less time, a busy machine would cut the rendering of a photo short each time.
RENDER_SECONDS: Final = 2

# Enough attempts for a sound picture to end ready, however often its worker is killed.
MAX_ATTEMPTS: Final = 20

# After this many jobs a process of the worker's pool is replaced by a new fork, besides all those that are killed. A
# process that is forked at the wrong instant must be able to do its work. The next one is there after a second or two.
TASKS_PER_PROCESS: Final = 20


class Victim(OwnService):
    """A service that is killed again and again."""

    def __init__(self, folder: Path, tasks_per_process: int = TASKS_PER_PROCESS) -> None:
        super().__init__(
            folder,
            render_seconds=RENDER_SECONDS,
            render_processes=2,
            max_attempts=MAX_ATTEMPTS,
            tasks_per_process=tasks_per_process,
            access="gallery",
            limit_rates="never",  # all clients are one address
        )
        self.token = ""
        """The key of the clients and of the verdict; `make_key` makes it."""

    def make_key(self) -> None:
        """Make a key with all rights, as whoever runs the service would."""
        made = subprocess.run(
            [sys.executable, "-m", "vignette", "keys", "add", "torture", "--scope", "admin"],
            cwd=PROJECT_FOLDER,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        self.token = made.stdout.strip()

    def parts(self) -> dict[str, list[tuple[int, int]]]:
        """Return the processes that run now, by kind; each as its process id and that of its parent."""
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
                if name_of(child) == PROCESS_NAME:
                    found.setdefault("sweep", []).append((child, number))
                elif "vignette.jail.zygote" in command_line(child):
                    found.setdefault("decoders", []).append((child, number))
                elif "resource_tracker" not in command_line(child):
                    found.setdefault(f"{name} child", []).append((child, number))
        return found

    def thaw_orphan(self, number: int) -> None:
        """Let a process of this service go on after its parent died while the process was frozen."""
        if number in marked(str(self.folder)) and (parent := parent_of(number)) is not None:
            send(number, parent, signal.SIGCONT)

    def forks(self) -> int:
        """How many processes of the worker's pool have told of a picture in the log, as long as each worker lived."""
        lives = _WORKER_IS_READY.split(self.log.read_text(errors="replace"))
        return sum(len(set(_PROCESS_OF_THE_POOL.findall(life))) for life in lives)

    def flush_queue(self) -> bool:
        """Have the embedded server forget everything; return whether it confirmed that."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(os.fspath(self.state_folder / "broker.sock"))
                connection.sendall(b"FLUSHALL\r\n")
                return connection.recv(64).startswith(b"+OK")
        except OSError:
            return False


# What Celery writes to its log.
_WORKER_IS_READY: Final = re.compile(r"celery@\S+ ready\.")
_PROCESS_OF_THE_POOL: Final = re.compile(r" Task .* process=ForkPoolWorker-(\d+)")

_PARTS: Final = {"granian": "web server", "celery": "worker", "valkey": "broker", "redis": "broker"}
