"""
The disk of the upload folder is not mounted: what is there in its place holds nothing, and is to get nothing.

An upload that is kept there is hidden as soon as the disk is back, and its number is another image's.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests import needs
from tests.house import house, picture
from tests.running import PROJECT_FOLDER, Service, environment, http_client, is_complete, running_service, until
from tests.small_disk import inside, mount_inside, service_on_small_disks
from vignette.access.actors import NOBODY
from vignette.limits import MIB

VIGNETTE = ("-m", "vignette")
ENTRIES = {
    "serve": (*VIGNETTE, "serve"),
    "web": ("-c", "import serveur_flask"),
    "worker": ("-m", "celery", "-A", "task_celery", "worker"),
    "retry": (*VIGNETTE, "retry", "--all-failed"),
    "render": (*VIGNETTE, "render", "--all"),
    "fsck": (*VIGNETTE, "fsck", "--repair"),
    "reindex": (*VIGNETTE, "reindex"),
}


def run(folder: Path, *entry: str) -> subprocess.CompletedProcess[str]:
    settings = {"upload_folder": folder / "uploads", "state_folder": folder / "state"}
    return subprocess.run(
        [sys.executable, *entry],
        cwd=PROJECT_FOLDER,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a service has been that knows two images, one of them deleted; nothing is in the upload folder now."""
    with house(tmp_path) as here:
        here.upload(picture())
        here.upload(picture(30, 20))
        here.removal.delete(NOBODY, 1)
    (tmp_path / "uploads").rename(tmp_path / "disk")
    (tmp_path / "uploads").mkdir()
    return tmp_path


def mount(root: Path) -> None:
    """Put the disk in its place again."""
    (root / "uploads").rmdir()
    (root / "disk").rename(root / "uploads")


# At the start


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_nothing_starts_and_nothing_is_made(root: Path, entry: tuple[str, ...]) -> None:
    done = run(root, *entry)

    assert done.returncode in (1, 2)
    [line] = done.stderr.splitlines()
    assert f"images up to number 1, and the upload folder {root}/uploads holds none: mount its disk" in line
    assert list((root / "uploads").iterdir()) == []
    mount(root)
    assert run(root, *VIGNETTE, "fsck").stdout == "2 numbers checked, 0 findings\n"


@pytest.mark.parametrize("entry", ["serve", "fsck"])
def test_a_folder_that_is_missing_is_not_made(root: Path, entry: str) -> None:
    (root / "uploads").rmdir()

    done = run(root, *ENTRIES[entry])

    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1
    assert not (root / "uploads").exists()


def test_images_are_served_although_their_folder_cannot_be_sealed_now(root: Path) -> None:
    """As on a full disk: of an upload folder without a seal, because it is a copy or of an earlier release."""
    mount(root)
    seals = root / "uploads" / ".vignette"
    for seal in seals.iterdir():
        seal.unlink()
    seals.rmdir()
    seals.touch()  # no folder can be made here

    done = run(root, *ENTRIES["retry"])

    assert (done.returncode, done.stdout) == (0, "")
    assert "is not sealed" in done.stderr


@pytest.mark.parametrize("is_sealed", [True, False], ids=["sealed", "not sealed"])
def test_a_mount_point_that_was_used_by_mistake_is_told_from_the_disk(root: Path, is_sealed: bool) -> None:
    """Before it was mounted for the first time; or by a release that made all that it missed."""
    (root / "uploads" / ".staging").mkdir()
    if is_sealed:
        (root / "uploads" / ".vignette").mkdir()
        (root / "uploads" / ".vignette" / "00").touch()

    assert "holds none: mount its disk" in run(root, *ENTRIES["web"]).stderr


def test_before_there_is_any_image_a_missing_folder_is_not_made_either(tmp_path: Path) -> None:
    with house(tmp_path):
        pass
    (tmp_path / "uploads").rename(tmp_path / "disk")

    done = run(tmp_path, *ENTRIES["web"])

    assert done.stderr == (
        f"vignette: there is no upload folder {tmp_path}/uploads: mount its disk, or make the folder\n"
    )
    (tmp_path / "uploads").mkdir()
    assert run(tmp_path, *ENTRIES["web"]).returncode == 0


def test_a_first_start_makes_the_folder_with_its_parents(tmp_path: Path) -> None:
    uploads = tmp_path / "new" / "place" / "uploads"
    with running_service(tmp_path, upload_folder=uploads) as service:
        assert upload(service).text == "0\n"
    assert (uploads / "0").is_dir()


def test_images_that_are_lost_are_forgotten_when_that_is_said(root: Path) -> None:
    done = run(root, *VIGNETTE, "reindex", "--lost")

    assert (done.returncode, done.stdout) == (0, f"0 images in the catalogue, from {root}/uploads\n")
    with running_service(root) as service:
        assert http_client.get(f"{service.url}/images/0").status_code == 404
        assert upload(service).text == "2\n"  # no number is used twice


def test_a_copy_that_was_put_there_is_taken_as_it_is(root: Path) -> None:
    for number in ("0", "1"):
        (root / "disk" / number).rename(root / "uploads" / number)

    with running_service(root) as service:
        assert http_client.get(f"{service.url}/images/0/original").content == picture()
        assert http_client.get(f"{service.url}/images/1").status_code == 410
        assert upload(service).text == "2\n"


# While the service runs


@contextmanager
def a_folder_in_its_place(folder: Path) -> Iterator[tuple[Service, Callable[[], None], Callable[[], None]]]:
    """A service, what takes its upload folder away, and what brings it back: by renaming, which everybody may."""
    with running_service(folder, max_attempts=1, render_processes=1) as service:
        uploads, disk = service.upload_folder, folder / "disk"

        def take_away() -> None:
            uploads.rename(disk)
            uploads.mkdir()

        def bring_back() -> None:
            uploads.rmdir()
            disk.rename(uploads)

        yield service, take_away, bring_back


@contextmanager
def a_disk_that_is_unmounted(folder: Path) -> Iterator[tuple[Service, Callable[[], None], Callable[[], None]]]:
    """The same by umount(8) and mount(8)."""
    (folder / "disk").mkdir()
    with service_on_small_disks(folder, {"uploads": 8 * MIB}, max_attempts=1, render_processes=1) as service:
        uploads, disk = str(service.upload_folder), str(folder / "disk")
        mount_inside(service, "mount", "--bind", uploads, disk)  # else what is on a tmpfs would be gone

        yield (
            service,
            lambda: mount_inside(service, "umount", "--lazy", uploads),
            lambda: mount_inside(service, "mount", "--bind", disk, uploads),
        )


@pytest.mark.parametrize("disk", [a_folder_in_its_place, pytest.param(a_disk_that_is_unmounted, marks=needs.mounts())])
def test_nothing_is_kept_nor_lost_while_it_is_away(tmp_path: Path, disk: Callable[..., object]) -> None:
    with disk(tmp_path) as (service, take_away, bring_back):  # type: ignore[attr-defined]
        for _ in range(2):
            upload(service)
        until(lambda: is_complete(service.url, 0) and is_complete(service.url, 1))
        until(lambda: http_client.get(f"{service.url}/readyz").json()["status"] == "ready")  # all parts have begun
        take_away()

        refused = upload(service, accept="application/json")
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/store-unavailable")
        assert refused.json()["detail"] == "the disk of the upload folder is not mounted"
        assert "Retry-After" in refused.headers
        for path in ("/images/0/original", "/vignette/0?size=small", "/images/0/metadata.txt"):
            assert http_client.get(f"{service.url}{path}").status_code == 503
        assert http_client.delete(f"{service.url}/images/1").status_code == 503
        until(lambda: http_client.get(f"{service.url}/readyz").status_code == 503)  # it holds for a second
        readiness = http_client.get(f"{service.url}/readyz")
        assert readiness.json()["checks"]["folder"]["detail"] == "the disk of the upload folder is not mounted"
        # As if its vignette had not been made yet. Its only attempt does not count.
        with closing(sqlite3.connect(service.state_folder / "catalogue.sqlite3", timeout=30)) as catalogue, catalogue:
            catalogue.execute("UPDATE image SET state = 'pending', attempts = 0, hinted_at = 0 WHERE id = 0")
        until(lambda: "image 0 has to wait" in service.words())
        assert list(inside(service, service.upload_folder).iterdir()) == []

        bring_back()

        until(lambda: http_client.get(f"{service.url}/readyz").status_code == 200)
        assert upload(service).text == "2\n"
        until(lambda: is_complete(service.url, 0) and is_complete(service.url, 2))
        assert http_client.get(f"{service.url}/images/0/original").content == picture()
        # Its deletion was begun, and the sweep ends it.
        gone = inside(service, service.upload_folder) / "1"
        until(lambda: [file.name for file in gone.iterdir()] == ["deleted.json"])


def upload(service: Service, accept: str = "*/*") -> httpx.Response:
    return http_client.post(f"{service.url}/images", files={"file": ("a", picture())}, headers={"Accept": accept})
