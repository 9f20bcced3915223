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
