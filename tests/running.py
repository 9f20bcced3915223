"""Runs the whole service as real processes, on a port and in folders of its own, and leaves none of them behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from vignette.running.embedded_broker import answers_ping
from vignette.settings import Settings
from vignette.trials.own_port import free_port
from vignette.trials.processes import children_of, command_line, marked

PROJECT_FOLDER = Path(__file__).resolve().parent.parent

SERVE = (sys.executable, "-m", "vignette", "serve")

# Nothing here takes as long, even on a busy machine: only a failure reaches this limit.
LIMIT_S = 120.0

# Variables that would make a service behave otherwise than with those who have none of them: settings; and Python's own
# that keeps no words back, so that none are left to be flushed at the end.
_OF_WHO_RUNS_THE_TESTS = ("VIGNETTE_", "PYTHONUNBUFFERED")

# All tests and threads share this client: `httpx.get` would read all certificate authorities at each call, which takes
# longer than the request. Each request gets a connection of its own, because services come and go.
http_client = httpx.Client(
    verify=False,
    trust_env=False,
    timeout=30,
    limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
)


@dataclass(frozen=True)
class Service:
    """A running service. `mark` is in the environment of each of its processes, and of no other."""

    url: str
    process: subprocess.Popen[bytes]
    upload_folder: Path
    state_folder: Path
    log: Path
    mark: str

    def words(self) -> str:
        """Return what the service has written to standard output and standard error by now."""
        return self.log.read_text(errors="replace")

    def processes(self) -> dict[int, str]:
        """Return the command lines of all its running processes, by process number, wherever in the tree they are."""
        return processes_marked(self.mark)

    def children(self, word: str = "") -> list[int]:
        """Return the numbers of the supervisor's direct children whose command line contains *word*."""
        return [number for number in children_of(self.process.pid) if word in command_line(number)]


@contextmanager
def running_service(folder: Path, *, command: Sequence[str] = SERVE, **settings: object) -> Iterator[Service]:
    """
    Run the service with its folders in *folder*; the block begins when its banner is there.

    After the block the service is killed if it still runs: that leaves no process either, and is quicker than a stop.
    *settings* are named as in `vignette.settings`. The environment of the tests does not change any other setting.
    """
    with started_service(folder, command=command, **settings) as service:
        until_up(service)
        yield service


def stop(service: Service) -> None:
    """Terminate the service; fail unless it exits with 0 and leaves no process."""
    service.process.terminate()
    assert service.process.wait(LIMIT_S) == 0, service.words()
    assert service.processes() == {}, service.words()


@contextmanager
def started_service(
    folder: Path, *, command: Sequence[str] = SERVE, terminal: int | None = None, **settings: object
) -> Iterator[Service]:
    """
    Run the service as `running_service` does, but begin the block at once, before the service is up.

    With a *terminal*, a file descriptor, the service reads and writes there.
    """
    values = {
        "port": free_port(),
        "upload_folder": folder / "uploads",
        "state_folder": folder / "state",
        "web_processes": 1,  # they are the slowest part of a start; a test of several asks for them
        "render_processes": 1,  # each loads the libraries of its decoders; a test of several asks for them
    } | settings
    folder.mkdir(parents=True, exist_ok=True)
    mark = uuid.uuid4().hex
    log = folder / f"service-{mark}.log"  # `marked` recognises the embedded server by this open file
    with log.open("wb") as words:
        process = subprocess.Popen(
            command,
            cwd=PROJECT_FOLDER,
            env=environment(folder, **values) | {"VIGNETTE_TEST_MARK": mark},
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=words if terminal is None else terminal,
            stderr=words if terminal is None else terminal,
        )
    service = Service(
        url=f"http://127.0.0.1:{values['port']}",
        process=process,
        upload_folder=Path(str(values["upload_folder"])),
        state_folder=Path(str(values["state_folder"])),
        log=log,
        mark=mark,
    )
    try:
        yield service
    finally:
        process.kill()
        process.wait()
        until_gone(service.mark)
        _remove_socket_folder(service)


def until_up(service: Service) -> None:
    """Wait for the banner of the service; fail if the service ends instead."""
    until(lambda: "Vignette runs at" in service.words() or service.process.poll() is not None)
    assert service.process.poll() is None, service.words()


def open_the_way_to(folder: Path) -> None:
    """Let every user of the machine go through the folders of ours above *folder*, as `tmp_path` does not."""
    for above in folder.parents:
        if above.stat().st_uid == os.geteuid() and above != Path(above.anchor):
            above.chmod(above.stat().st_mode | 0o011)


def until_gone(mark: str, within_s: float = LIMIT_S) -> None:
    """Wait until all processes that have *mark* have ended; fail with a list of those that are left."""
    try:
        until(lambda: not marked(mark), within_s)
    except AssertionError as error:
        error.add_note(f"left: {processes_marked(mark)}")
        raise


def environment(folder: Path, **settings: object) -> dict[str, str]:
    """Return an environment in which only *settings* count: none of the shell, none of the project's settings file."""
    no_settings = folder / "empty.toml"
    no_settings.touch()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OF_WHO_RUNS_THE_TESTS)}
    ours = {f"VIGNETTE_{name.upper()}": _as_variable(value) for name, value in settings.items()}
    return inherited | {"VIGNETTE_CONFIG": str(no_settings), "PYTHONPATH": str(PROJECT_FOLDER)} | ours


def until(condition: Callable[[], object], within_s: float = LIMIT_S) -> None:
    """Wait until *condition* is true; fail if that takes more than *within_s* seconds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {within_s:g} s"
        time.sleep(0.02)


def is_complete(url: str, image_id: int) -> bool:
    """Whether the image is ready with all of its vignettes: nothing more is written then."""
    image = http_client.get(f"{url}/images/{image_id}").json()
    return image["state"] == "ready" and not image["renditions_pending"]


@contextmanager
def all_along(clients: int, work: Callable[[int, threading.Event], object]) -> Iterator[None]:
    """
    Run *work* in as many threads as there are *clients* while the block runs; then raise what one of them has raised.

    Each thread gets its number, and an event that tells it to end.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(work, client, stop) for client in range(clients)]
        try:
            yield
        finally:
            stop.set()
        for done in running:
            done.result()


def processes_marked(mark: str) -> dict[int, str]:
    """Return the command lines of the running processes that have *mark*, by number (`vignette.trials.processes`)."""
    return {number: command_line(number) for number in marked(mark)}


def _remove_socket_folder(service: Service) -> None:
    """Remove the socket's folder, which a killed service leaves behind if it is not the state folder."""
    settings = Settings(state_folder=service.state_folder)
    socket_folder = settings.broker_socket.parent
    if socket_folder != settings.state_folder and not answers_ping(settings.broker_socket):
        shutil.rmtree(socket_folder, ignore_errors=True)


def _as_variable(value: object) -> str:
    return str(value) if isinstance(value, str | int | float | Path) else json.dumps(value)
