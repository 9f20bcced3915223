"""A public copy from the first question to the last byte, by real processes: web server, broker, worker, cells."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image as Pillow

from tests import misplanning
from tests.house import picture
from tests.integration.test_failures import pool_of, upload, web, worker
from tests.makers import jpeg_segment, jpeg_with
from tests.needs import LINUX
from tests.redis import RedisServer
from tests.running import http_client, until
from vignette.limits import MIB
from vignette.trials.processes import children_of, command_line

pytestmark = LINUX

PLAIN = picture(400, 300)
PRIVATE = jpeg_with(jpeg_segment(0xFE, b"the garden of Ada"), content=PLAIN)


@dataclass(frozen=True)
class Running:
    url: str
    worker: int
    uploads: Path

    def cells(self) -> list[int]:
        """The processes that plan: decoders have another work."""
        return [
            child
            for process in pool_of(self.worker)
            for child in children_of(process)
            if "misplanning" in command_line(child)
        ]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("copies")
    with closing(RedisServer(folder / "redis")) as redis:
        settings = {
            "broker_url": redis.url,
            "max_render_memory_bytes": 64 * MIB,
            "render_seconds": 4,
            "render_processes": 1,
        }
        app = "tests.integration.misplanning_worker"
        with web(folder, **settings) as url, worker(folder, app, **settings) as parent:
            yield Running(url, parent.pid, folder / "uploads")


def public(running: Running, content: bytes) -> str:
    return f"{running.url}/images/{upload(running.url, content).json()['id']}/public"


def test_a_copy_is_made_when_somebody_asks_and_is_served_like_a_file(running: Running) -> None:
    link = public(running, PRIVATE)
    until(lambda: http_client.get(link.removesuffix("/public")).json()["state"] == "ready")
    assert running.cells() == []

    whole = http_client.get(link, headers={"Prefer": "wait=20"})

    assert (whole.status_code, whole.headers["Content-Type"]) == (200, "image/jpeg")
    assert b"Ada" not in whole.content
    assert whole.content == PLAIN
    assert whole.headers["ETag"] == f'"{hashlib.sha256(PLAIN).hexdigest()}"'
    assert len(running.cells()) == 1
    head = http_client.head(link)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(PLAIN)))
    assert head.headers["ETag"] == whole.headers["ETag"]
    part = http_client.get(link, headers={"Range": "bytes=10-600"})
    assert (part.status_code, part.content) == (206, PLAIN[10:601])
    again = http_client.get(link, headers={"If-None-Match": whole.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("word", "limits"),
    [
        # On a busy machine it may get less than two seconds of processor time in four.
        (misplanning.SPINS, {2, 4}),
        (misplanning.EATS, {64 * MIB}),
        (misplanning.SLEEPS, {4}),
        (misplanning.CRASHES, {None}),
    ],
)
def test_a_picture_that_takes_too_much_is_refused_for_good_and_the_next_is_copied(
    running: Running, word: str, limits: set[int | None]
) -> None:
    before = pool_of(running.worker)
    link = public(running, misplanning.that(word))

    until(lambda: http_client.get(link, headers={"Prefer": "wait=20"}).status_code == 422)

    said = http_client.get(link).json()
    assert said["type"].endswith("/problems/not-publishable")
    assert said.get("limit") in limits
    assert http_client.get(public(running, PRIVATE), headers={"Prefer": "wait=20"}).content == PLAIN
    assert pool_of(running.worker) == before


def test_what_has_to_be_written_anew_is_made_by_the_decoders_of_the_worker(running: Running) -> None:
    link = public(running, picture(2800, 700, "TIFF"))
    image = link.removesuffix("/public")
    until(lambda: http_client.get(image).json()["state"] == "ready")

    copy = http_client.get(link, headers={"Prefer": "wait=20"})
    zoomed = http_client.get(http_client.get(image).json()["links"]["zoom"], headers={"Prefer": "wait=20"})

    assert [(answer.status_code, answer.headers["Content-Type"]) for answer in (copy, zoomed)] == [
        (200, "image/jpeg")
    ] * 2
    sizes = [Pillow.open(io.BytesIO(answer.content)).size for answer in (copy, zoomed)]
    assert sizes == [(2800, 700), (2560, 640)]
