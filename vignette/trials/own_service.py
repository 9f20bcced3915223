"""A service to torture or to measure: started as a user starts it, in a folder of its own, on a free port."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from vignette.settings import PROJECT_FOLDER, Settings
from vignette.trials.own_port import free_port
from vignette.trials.processes import end_marked, marked

# A start takes longer on a busy machine, or while processes of an earlier start have yet to end.
START_LIMIT_S: Final = 90.0

_GONE_LIMIT_S: Final = 30.0


class OwnService:
    """
    Its folders lie below *folder*, whose name must be unique: the processes are found by it.

    *settings* are named as in `vignette.settings`. All other settings have their defaults, whatever the settings file
    or the environment of this process say.
    """

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.upload_folder = folder / "uploads"
        self.state_folder = folder / "state"
        self.port = free_port()
        self.log = folder / "service.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = settings
        self._no_settings = folder / "empty.toml"
        self._no_settings.touch()

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("VIGNETTE_")}
        places = {"port": self.port, "upload_folder": self.upload_folder, "state_folder": self.state_folder}
        given = {f"VIGNETTE_{name.upper()}": str(value) for name, value in (places | self._settings).items()}
        return inherited | {"PYTHONPATH": str(PROJECT_FOLDER), "VIGNETTE_CONFIG": str(self._no_settings)} | given

    @property
    def socket_folder(self) -> Path:
        """The folder of the embedded server's socket: the state folder, or a temporary one if its path is too long."""
        return Settings.model_construct(state_folder=self.state_folder.resolve()).broker_socket.parent

    @property
    def supervisor(self) -> int | None:
        """The process id of the supervisor; None if it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the supervisor if it does not run. Return at once, before the service is ready."""
        if self.supervisor is not None:
            return
        if self._process is not None and self._process.returncode == 1:
            time.sleep(0.5)  # it could not start: give the processes in its way time to end
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
        """Whether folder, catalogue, queue and worker are all there, as `/readyz` says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return bool(json.loads(connection.getresponse().read())["status"] == "ready")
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            connection.close()

    def bring_up(self) -> bool:
        """Start the supervisor as often as needed; return whether the service is ready within `START_LIMIT_S`."""
        deadline = time.monotonic() + START_LIMIT_S
        while not self.is_ready():
            if time.monotonic() > deadline:
                return False
            self.start()
            time.sleep(0.1)
        return True

    def stop(self) -> int | None:
        """Ask the supervisor to stop; return its exit status, or None if it does not end in 30 seconds or never ran."""
        if self._process is None:
            return None
        self._process.terminate()
        try:
            return self._process.wait(_GONE_LIMIT_S)
        except subprocess.TimeoutExpired:
            return None

    def destroy(self) -> list[int]:
        """
        Kill the supervisor, then each process that does not end by itself; return the ids of these processes.

        A folder of the socket outside `folder`, which a supervisor that is killed leaves behind, is removed.
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        deadline = time.monotonic() + _GONE_LIMIT_S
        while (left := marked(str(self.folder))) and time.monotonic() < deadline:
            time.sleep(0.1)
        if left:
            end_marked(str(self.folder), _GONE_LIMIT_S)
        if self.socket_folder != self.state_folder.resolve():
            shutil.rmtree(self.socket_folder, ignore_errors=True)
        return left
