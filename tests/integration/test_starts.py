"""What a process does at its start: none lists the upload folder, of a million folders perhaps."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.house import house, picture
from tests.integration.test_failures import process, worker
from tests.redis import RedisServer
from tests.running import PROJECT_FOLDER, environment, http_client, running_service, until
from vignette.access.actors import OPERATOR, Scope
from vignette.access.policy import Access
from vignette.errors import CatalogueUnavailable
from vignette.model import ImageId, State
from vignette.settings import Settings
from vignette.wiring.stores import open_and_catch_up, open_store_and_catalogue
from vignette.worker.sweeper import PROCESS_NAME

# Each of its processes that lists the upload folder writes its number to the file; not the sweep, which lists in steps.
PROGRAM = """
import os, sys

def note(event, arguments):
    if event in ("os.listdir", "os.scandir") and str(arguments[0]) == os.environ["VIGNETTE_UPLOAD_FOLDER"]:
        if os.path.exists("/proc/self/comm") and open("/proc/self/comm").read().strip() == {sweep!r}:
            return
        with open({file!r}, "a") as listed:
            print(os.getpid(), file=listed)

sys.addaudithook(note)
{start}
"""
LIST = "os.listdir(os.environ['VIGNETTE_UPLOAD_FOLDER'])"
WORKER = (
    "import task_celery; task_celery.app.worker_main(['worker', '--max-tasks-per-child', '1', '--concurrency', '1'])"
)


def listings(folder: Path) -> list[str]:
    file = folder / "listings"
    return file.read_text().splitlines() if file.exists() else []


def program(folder: Path, start: str) -> str:
    """The path of a program that does *start* and is listened to."""
    file = folder / "program.py"
    file.write_text(PROGRAM.format(file=str(folder / "listings"), sweep=PROCESS_NAME, start=start))
    return str(file)


def run(folder: Path, start: str) -> None:
    subprocess.run(
        [sys.executable, program(folder, start)],
        cwd=PROJECT_FOLDER,
        env=environment(folder, upload_folder=folder / "uploads", state_folder=folder / "state"),
        check=True,
    )


def test_a_listing_is_noticed(tmp_path: Path) -> None:
    with house(tmp_path):
        run(tmp_path, LIST)

    assert len(listings(tmp_path)) == 1


def test_a_web_process_lists_nothing(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        here.upload(picture())
        run(tmp_path, "import serveur_flask")

    assert listings(tmp_path) == []


def test_no_process_of_the_worker_s_pool_lists_anything(tmp_path: Path) -> None:
    with house(tmp_path) as here, closing(RedisServer(tmp_path / "redis")) as redis:
        for _ in range(3):
            here.upload(picture())
        with process(tmp_path, program(tmp_path, WORKER), broker_url=redis.url):
            until(lambda: here.catalogue.waiting.unfinished() == 0)

    assert listings(tmp_path) == []


def test_the_start_of_the_service_lists_nothing(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        here.upload(picture())
        run(
            tmp_path,
            "from vignette.cli import open_catalogue; from vignette.settings import load_settings;"
            "open_catalogue(load_settings(), '')",
        )

    assert listings(tmp_path) == []


@pytest.mark.parametrize("left", ["row", "rows"])
def test_a_worker_that_is_started_by_hand_brings_the_catalogue_up_to_the_folders(tmp_path: Path, left: str) -> None:
    """A crash left one folder without its row; or the catalogue is from a backup, and lacks several."""
    with house(tmp_path) as here:
        for _ in range(3):
            here.upload(picture())
        first = 2 if left == "row" else 1
        here.sql(f"DELETE FROM image WHERE id >= {first}")
        here.sql(f"UPDATE counter SET next = {first}")

        with closing(RedisServer(tmp_path / "redis")) as redis, worker(tmp_path, broker_url=redis.url):
            until(lambda: here.catalogue.index.next_id() == 3 and here.catalogue.waiting.unfinished() == 0)

        assert {image.state for image in here.catalogue.library.newest(3)} == {State.READY}


def test_a_worker_finds_each_folder_that_the_catalogue_does_not_know(tmp_path: Path) -> None:
    """No probe at the start meets this one: it lists all folders, but does not begin with that."""
    far = 1_000_003
    with house(tmp_path) as here:
        here.upload(picture())
        shutil.copytree(here.uploads / "0", here.uploads / str(far))

        with closing(RedisServer(tmp_path / "redis")) as redis, worker(tmp_path, broker_url=redis.url):
            until(lambda: here.catalogue.index.next_id() == far + 1 and here.catalogue.waiting.unfinished() == 0)

        assert {image.state for image in here.catalogue.library.newest(3)} == {State.READY}


def test_a_start_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    """Whoever tries again and again does not run out of files."""
    with house(tmp_path) as here:
        here.sql("UPDATE alembic_version SET version_num = 'newer'")
    settings = Settings(state_folder=tmp_path / "state", upload_folder=tmp_path / "uploads")
    gc.disable()
    try:
        for _ in range(5):
            with pytest.raises(CatalogueUnavailable):
                open_store_and_catalogue(settings)

        assert [file for file in _open_files() if file.startswith(str(tmp_path))] == []
    finally:
        gc.enable()


def test_what_is_kept_beside_the_images_is_compared_once_at_the_start_and_not_in_each_process(tmp_path: Path) -> None:
    """With thousands of tickets that takes half a second, and a pool begins a process every few hundred images."""
    with house(tmp_path, access=Access.CLOSED) as here:
        here.keyholding.add(OPERATOR, "phone", [Scope.READ])
    keys = tmp_path / "uploads" / ".service" / "keys.json"
    right = keys.read_bytes()
    keys.write_bytes(b"{}")
    settings = Settings(state_folder=tmp_path / "state", upload_folder=tmp_path / "uploads")

    open_store_and_catalogue(settings)[1].close()
    assert keys.read_bytes() == b"{}"

    open_and_catch_up(settings)[1].close()
    assert keys.read_bytes() == right


def _open_files() -> list[str]:
    files = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the listing itself
            files.append(os.readlink(entry))  # noqa: PTH115 (not all are paths)
    return files


def test_a_start_goes_on_at_once_with_what_the_last_one_was_rendering(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        here.upload(picture())
        assert here.catalogue.renderings.claim(ImageId(0), lease_s=3600) is not None

    with running_service(tmp_path) as service:
        until(lambda: http_client.get(f"{service.url}/images/0").json()["state"] == "ready")
