"""What Vignette makes is for its own user alone, however it is started, and whatever that shell's umask is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.house import picture
from tests.running import PROJECT_FOLDER, SERVE, environment, http_client, running_service, until

OPEN_TO_ALL = ("sh", "-c", 'umask 0; exec "$@"', "sh")

UPLOAD = """
import io, sys
from {module} import app
answer = app.test_client().post("/images", data={{"file": (io.BytesIO(sys.stdin.buffer.read()), "a.png")}})
assert answer.status_code == 201, answer.data
"""


def open_to_others(*folders: Path) -> list[str]:
    """Return the folders and files of these *folders*, themselves included, that others than their owner may use."""
    found = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    assert len(found) > len(folders)
    return [f"{path} {path.lstat().st_mode:o}" for path in found if path.lstat().st_mode & 0o077]


def run(folder: Path, program: str, content: bytes = b"") -> None:
    subprocess.run(
        [*OPEN_TO_ALL, sys.executable, "-c", program],
        cwd=PROJECT_FOLDER,
        env=environment(folder, upload_folder=folder / "uploads", state_folder=folder / "state"),
        input=content,
        check=True,
    )


def test_a_wsgi_server(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(0o700)

    run(tmp_path, UPLOAD.format(module="serveur_flask"), picture(file_format="PNG"))

    assert (tmp_path / "uploads" / "0" / "original.png").exists()
    assert open_to_others(tmp_path / "uploads", tmp_path / "state") == []


def test_a_wsgi_server_that_sets_its_own_umask_later(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(0o700)
    program = UPLOAD.format(module="serveur_flask").replace("answer =", "import os; os.umask(0); answer =")

    run(tmp_path, program, picture(file_format="PNG"))

    assert open_to_others(tmp_path / "uploads") == []


def test_a_command(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(0o700)

    run(tmp_path, "import sys; sys.argv = ['vignette', 'reindex']; import runpy; runpy.run_module('vignette')")

    assert open_to_others(tmp_path / "uploads", tmp_path / "state") == []


def test_celerys_own_command_and_the_whole_service(short_path: Path) -> None:
    """One start for both: the worker of the service is `celery -A task_celery worker`."""
    with running_service(short_path, command=(*OPEN_TO_ALL, *SERVE)) as service:
        http_client.post(f"{service.url}/images", files={"file": picture(file_format="PNG")})
        until(lambda: (service.upload_folder / "0" / "outcome.json").exists())

        assert open_to_others(service.upload_folder, service.state_folder) == []
