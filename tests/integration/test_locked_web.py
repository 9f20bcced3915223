"""A web process that can take no upload: a fresh one takes its place, unless that could take none either."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from tests.house import house, picture
from tests.integration.test_failures import is_ready, upload
from tests.running import PROJECT_FOLDER, Service, all_along, environment, http_client, running_service, until
from vignette.settings import Settings
from vignette.trials.processes import children_of, command_line
from vignette.wiring.successor import successor_can

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

FOLDER = Path(__file__).parent / "locked_web"

PROGRAM = f"""
import sys
from pathlib import Path
from vignette.cli import open_catalogue
from vignette.running.launcher import serve
from vignette.settings import load_settings_or_exit
sys.exit(serve(load_settings_or_exit(), open_catalogue, Path({os.fspath(FOLDER)!r})))
"""
SERVE = (sys.executable, "-c", PROGRAM)

IS_REPLACED = "another process takes its place"
IS_LEFT_ALONE = "a fresh process could take none either"

WITHOUT_DESCRIPTORS = """
import os, resource
from vignette.settings import load_settings
from vignette.wiring.successor import successor_can
settings = load_settings()
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
try:
    while True:
        os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
except OSError as error:
    print(error.strerror)
print(successor_can(settings))
"""


def test_a_web_process_that_can_never_write_is_replaced_by_one_that_can(tmp_path: Path) -> None:
    with running_service(tmp_path, command=SERVE, web_processes=2, database_url=impatient(tmp_path)) as service:
        marker = service.state_folder / "locked"
        until(lambda: marker.exists() and marker.read_text())
        locked = int(marker.read_text())
        [server] = service.children("granian")
        until(lambda: len(children_of(server)) == 2)
        [other] = set(children_of(server)) - {locked}

        with all_along(4, lambda _, stop: upload_all_along(service, stop)):
            until(lambda: command_line(locked) == "")

        until(lambda: len(children_of(server)) == 2)
        assert {upload(service.url, picture()).status_code for _ in range(20)} == {201}
        assert service.words().count(IS_REPLACED) == 1
        assert service.children("granian") == [server]
        assert other in children_of(server)


def test_while_another_holds_the_lock_no_web_process_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "locked").touch()
    with running_service(tmp_path, command=SERVE, web_processes=2, database_url=impatient(tmp_path)) as service:
        number = upload(service.url, picture()).json()["id"]
        until(lambda: is_ready(service.url, number))
        [server] = service.children("granian")
        before = children_of(server)

        with closing(sqlite3.connect(service.state_folder / "catalogue.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with all_along(4, lambda _, stop: upload_all_along(service, stop)):
                until(lambda: service.words().count(IS_LEFT_ALONE) >= 2)
            assert http_client.get(f"{service.url}/vignette/{number}").status_code == 200
            other.execute("COMMIT")

        assert {upload(service.url, picture()).status_code for _ in range(20)} == {201}
        assert children_of(server) == before
        assert IS_REPLACED not in service.words()


def test_a_process_without_descriptors_finds_out_what_a_fresh_one_could(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        here.upload(picture())
    settings = {"upload_folder": tmp_path / "uploads", "state_folder": tmp_path / "state"}
    command = (sys.executable, "-c", WITHOUT_DESCRIPTORS)

    done = subprocess.run(
        command, env=environment(tmp_path, **settings), cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == ["Too many open files", "True"]


def test_a_fresh_process_makes_nothing_where_there_is_nothing(tmp_path: Path) -> None:
    settings = Settings(upload_folder=tmp_path / "uploads", state_folder=tmp_path / "state")

    assert not successor_can(settings)

    assert list(tmp_path.iterdir()) == []


def impatient(folder: Path) -> str:
    """The catalogue where it always is; a writer waits for its lock for a second."""
    return f"sqlite:///{folder / 'state' / 'catalogue.sqlite3'}?timeout=1"


def upload_all_along(service: Service, stop: threading.Event) -> None:
    while not stop.is_set():
        with suppress(httpx.TransportError):
            upload(service.url, picture())
        stop.wait(0.05)  # the process that starts meanwhile needs the processor more
