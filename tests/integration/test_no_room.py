"""
Disks that are full, read-only or closed to us, and too many open files, under the real service.

The disks are small tmpfs ones, mounted in a namespace of the service's own; see `tests/small_disk.py`.
"""

from __future__ import annotations

import re
import resource
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import needs
from tests.house import picture
from tests.running import Service, http_client, is_complete, running_service, until
from tests.small_disk import filled, inside, mount_inside, service_on_small_disks
from vignette.limits import MIB
from vignette.trials.processes import children_of

pytestmark = needs.mounts()

LARGE = picture(600, 600, "BMP")


@pytest.fixture
def service(short_path: Path) -> Iterator[Service]:
    """On a disk of 8 MiB for the uploads, another for the state, and a temporary folder without any room."""
    sizes = {"uploads": 8 * MIB, "state": 8 * MIB, "tmp": 4096}
    with (
        service_on_small_disks(short_path, sizes, "env", f"TMPDIR={short_path}/tmp") as service,
        filled(service, short_path / "tmp"),
    ):
        yield service


def upload(service: Service, content: bytes = LARGE) -> httpx.Response:
    return http_client.post(
        f"{service.url}/images",
        files={"file": ("a", content)},
        headers={"Accept": "application/json"},
        timeout=30,
    )


def readiness(service: Service) -> dict[str, Any]:
    response = http_client.get(f"{service.url}/readyz", timeout=30)
    return {"code": response.status_code, **response.json()}


def readiness_of_catalogue(service: Service) -> tuple[int, str, str]:
    """The status of `/readyz`, and what it says of the catalogue and of the upload folder."""
    seen = readiness(service)
    return seen["code"], seen["checks"]["catalogue"]["status"], seen["checks"]["folder"]["status"]


def names(service: Service) -> set[str]:
    """What lies in the upload folder, but for its lock and the ballast of the test; staged uploads by their path."""
    folder = inside(service, service.upload_folder)
    staged = {f".staging/{path.name}" for path in (folder / ".staging").iterdir()}
    ours = {".service", ".staging", ".vignette", ".server.lock", "ballast"}
    return {path.name for path in folder.iterdir()} - ours | staged


def assert_all_is_well_again(service: Service, next_id: int) -> None:
    until(lambda: readiness(service)["status"] == "ready")
    response = upload(service)
    assert (response.status_code, response.json()["id"]) == (201, next_id)
    until(lambda: all(is_complete(service.url, number) for number in range(next_id + 1)))
    assert names(service) == {str(number) for number in range(next_id + 1)}


def test_who_deletes_on_a_full_disk_makes_room(service: Service) -> None:
    upload(service)
    until(lambda: is_complete(service.url, 0))

    with filled(service, service.upload_folder):
        response = http_client.delete(f"{service.url}/images/0", timeout=30)

    assert response.status_code == 204
    assert http_client.get(f"{service.url}/vignette/0", timeout=30).status_code == 410
    assert {path.name for path in (inside(service, service.upload_folder) / "0").iterdir()} == {"deleted.json"}


def test_the_upload_folder_is_full(service: Service) -> None:
    upload(service)
    until(lambda: is_complete(service.url, 0))

    with filled(service, service.upload_folder):
        response = upload(service)

        assert (response.status_code, response.json()["type"]) == (507, "/problems/store-full")
        # By its header, or when the first write fails: that depends on the last block of the disk.
        assert re.search("the disk has room for 0|No space left on device", response.json()["detail"])
        assert names(service) == {"0"}
        seen = readiness(service)
        assert (seen["code"], seen["checks"]["folder"]["status"]) == (503, "down")
        assert "No space left on device" in seen["checks"]["folder"]["detail"]
        assert seen["checks"]["catalogue"]["status"] == "up"
        assert is_complete(service.url, 0)

    assert_all_is_well_again(service, 1)


def test_what_the_disk_cannot_hold_is_refused_before_it_is_sent(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", httpx.URL(service.url).port)) as connection:
        head = "POST /images HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/bmp\r\n"
        head += f"Content-Length: {9 * MIB}\r\n\r\n"
        connection.sendall(head.encode())

        assert connection.recv(1000).startswith(b"HTTP/1.1 507")
    assert names(service) == set()


def test_the_state_folder_is_full(service: Service) -> None:
    upload(service)
    until(lambda: is_complete(service.url, 0))
    kept = 1

    with filled(service, service.state_folder):
        # The room that SQLite has taken already, it goes on using: what is acknowledged is kept all the same.
        while (response := upload(service)).status_code == 201:
            kept += 1

        assert (response.status_code, response.json()["type"]) == (507, "/problems/store-full")
        assert response.json()["detail"] == "the disk of the catalogue is full"
        for _ in range(3):
            assert upload(service).status_code == 507
        assert names(service) == {str(number) for number in range(kept)}
        seen = readiness(service)
        assert (seen["code"], seen["checks"]["catalogue"]["status"]) == (503, "down")
        assert seen["checks"]["catalogue"]["detail"] == "the disk of the catalogue is full"
        assert seen["checks"]["folder"]["status"] == "up"
        assert http_client.get(f"{service.url}/images/0").status_code == 200

    assert_all_is_well_again(service, kept)


def test_the_disk_is_full_while_the_worker_renders(tmp_path: Path) -> None:
    """With one attempt only, an image is not given up for the state of the disk."""
    with service_on_small_disks(tmp_path, {"uploads": 8 * MIB}, max_attempts=1) as service:
        upload(service)
        until(lambda: is_complete(service.url, 0))
        verdict = inside(service, service.upload_folder) / "0" / "outcome.json"
        first_verdict = verdict.stat().st_ino

        with filled(service, service.upload_folder):
            # As if it had never been rendered: it is found by the sweep.
            with (
                closing(sqlite3.connect(service.state_folder / "catalogue.sqlite3", timeout=30)) as catalogue,
                catalogue,
            ):
                catalogue.execute("UPDATE image SET state = 'pending', attempts = 0, hinted_at = 0")
            until(lambda: service.words().count("image 0 has to wait") >= 2)
            image = http_client.get(f"{service.url}/images/0").json()
            assert (image["state"], image["failure"]) == ("processing", None)

        until(lambda: is_complete(service.url, 0))
        assert verdict.stat().st_ino != first_verdict
        assert names(service) == {"0"}


def test_the_upload_folder_is_read_only(service: Service) -> None:
    upload(service)
    until(lambda: is_complete(service.url, 0))
    folder = str(service.upload_folder)
    mount_inside(service, "mount", "--bind", folder, folder)
    mount_inside(service, "mount", "-o", "remount,bind,ro", folder)

    response = upload(service)

    assert (response.status_code, response.json()["type"]) == (503, "/problems/store-unavailable")
    assert "Read-only file system" in response.json()["detail"]
    assert "Retry-After" in response.headers
    assert "Read-only file system" in readiness(service)["checks"]["folder"]["detail"]
    assert http_client.get(f"{service.url}/images/0/original").content == LARGE
    mount_inside(service, "umount", "--lazy", folder)  # the original that was just sent may be open for an instant yet
    assert_all_is_well_again(service, 1)


def test_the_state_folder_is_read_only(service: Service) -> None:
    """
    It lies on another disk than before, a copy of the first. Where it is mounted anew in the same place, SQLite goes on
    writing through the files that it has open.
    """
    upload(service)
    until(lambda: is_complete(service.url, 0))
    folder, copy = str(service.state_folder), str(service.state_folder.with_name("copy"))
    Path(copy).mkdir()
    mount_inside(service, "mount", "-t", "tmpfs", "none", copy)
    mount_inside(service, "sh", "-c", f"cp {folder}/catalogue.sqlite3* {copy}")
    mount_inside(service, "mount", "-o", "remount,bind,ro", copy)
    mount_inside(service, "mount", "--bind", copy, folder)

    response = upload(service)

    assert (response.status_code, response.json()["type"]) == (503, "/problems/catalogue-unavailable")
    assert "readonly" in response.json()["detail"]
    assert "Retry-After" in response.headers
    assert names(service) == {"0"}
    assert readiness_of_catalogue(service) == (503, "down", "up")
    mount_inside(service, "umount", "--lazy", folder)  # connections to it are open
    assert_all_is_well_again(service, 1)


@pytest.fixture
def service_without_power(short_path: Path) -> Iterator[Service]:
    """Root passes all doors, unless it gives up that power. No part of it may use the temporary folder either."""
    (short_path / "closed").mkdir(mode=0)
    powers = "-dac_override,-dac_read_search"
    command = ("setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}", "env", f"TMPDIR={short_path / 'closed'}")
    with service_on_small_disks(short_path, {"uploads": 8 * MIB, "state": 8 * MIB}, *command) as service:
        yield service


def test_the_state_folder_is_closed_to_us(service_without_power: Service) -> None:
    service = service_without_power
    upload(service)
    until(lambda: is_complete(service.url, 0))
    folder = inside(service, service.state_folder)
    folder.chmod(0)

    response = upload(service)

    assert (response.status_code, response.json()["type"]) == (503, "/problems/catalogue-unavailable")
    assert "Retry-After" in response.headers
    assert names(service) == {"0"}
    assert readiness_of_catalogue(service) == (503, "down", "up")
    assert http_client.get(f"{service.url}/images/0").status_code == 503
    folder.chmod(0o700)
    assert_all_is_well_again(service, 1)


def test_the_upload_folder_is_closed_to_us(service_without_power: Service) -> None:
    service = service_without_power
    folder = inside(service, service.upload_folder)
    (folder / ".staging").chmod(0o500)

    response = upload(service)

    assert (response.status_code, response.json()["type"]) == (503, "/problems/store-unavailable")
    assert "Permission denied" in response.json()["detail"]
    assert "Permission denied" in readiness(service)["checks"]["folder"]["detail"]
    (folder / ".staging").chmod(0o700)
    assert_all_is_well_again(service, 0)


def test_there_are_too_many_open_files(tmp_path: Path) -> None:
    with (
        running_service(tmp_path, web_processes=1) as service,
        httpx.Client(base_url=service.url, trust_env=False) as client,
    ):
        assert client.post("/images", files={"file": ("a", LARGE)}).status_code == 201  # this connection stays open
        (server,) = service.children("granian")
        (web,) = children_of(server)
        before = resource.prlimit(web, resource.RLIMIT_NOFILE)
        highest = max(int(entry.name) for entry in Path(f"/proc/{web}/fd").iterdir())
        resource.prlimit(web, resource.RLIMIT_NOFILE, (highest + 1, before[1]))

        response = client.post("/images", files={"file": ("a", LARGE)})

        assert (response.status_code, response.json()["type"]) == (503, "/problems/store-unavailable")
        assert "Too many open files" in response.json()["detail"]
        resource.prlimit(web, resource.RLIMIT_NOFILE, before)
        assert names(service) == {"0"}
        assert_all_is_well_again(service, 1)
