"""Several web processes each keep answers of their own: none of them gives one after a deletion that another took."""

from __future__ import annotations

import http.client
from contextlib import ExitStack, closing
from pathlib import Path

import httpx

from tests.house import picture
from tests.running import http_client, running_service, until
from vignette.adapters.stores.folder import FolderStore
from vignette.model import ImageId

CONNECTIONS = 12


def ask(connection: http.client.HTTPConnection, path: str) -> int:
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return response.status


def test_no_process_gives_a_vignette_after_its_deletion_was_acknowledged(tmp_path: Path) -> None:
    with running_service(tmp_path, web_processes=2) as service, ExitStack() as opened:
        store = FolderStore(service.upload_folder)
        for number in range(3):
            content = picture(300 + number, 200)
            answer = http_client.post(f"{service.url}/images", content=content, headers={"Content-Type": "image/jpeg"})
            assert answer.text == f"{number}\n"
        paths = [f"/vignette/{number}" for number in range(3)]
        for path in paths:
            until(lambda path=path: http_client.get(f"{service.url}{path}").status_code == 200)  # type: ignore[misc]
        until(lambda: all(store.edition(ImageId(number)) is not None for number in range(3)))
        # The kernel deals connections out to the processes; each stays with its own.
        connections = [
            opened.enter_context(closing(http.client.HTTPConnection("127.0.0.1", httpx.URL(service.url).port)))
            for _ in range(CONNECTIONS)
        ]
        for path in paths:
            assert {ask(connection, path) for connection in connections * 2} == {200}

            assert http_client.delete(f"{service.url}{path.replace('vignette', 'images')}").status_code == 204

            assert {ask(connection, path) for connection in connections} == {410}


def test_what_a_process_keeps_goes_to_no_foreign_host_and_to_nobody_without_end(tmp_path: Path) -> None:
    """The doors that stand in front of all else stand in front of kept answers too."""
    with running_service(tmp_path, web_processes=1, limit_rates="always", requests_per_second=20) as service:
        http_client.post(f"{service.url}/images", content=picture(), headers={"Content-Type": "image/jpeg"})
        until(lambda: http_client.get(f"{service.url}/vignette/0").status_code == 200)
        until(lambda: FolderStore(service.upload_folder).edition(ImageId(0)) is not None)
        for _ in range(3):
            assert http_client.get(f"{service.url}/vignette/0").status_code == 200
        foreign = http_client.get(f"{service.url}/vignette/0", headers={"Host": "evil.example"})
        assert foreign.status_code == 421

        with closing(http.client.HTTPConnection("127.0.0.1", httpx.URL(service.url).port)) as connection:
            assert {ask(connection, "/vignette/0") for _ in range(1000)} == {200, 429}
