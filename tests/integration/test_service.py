"""What only the real servers can show: several processes at once, bodies of unknown length, answers before the body."""

from __future__ import annotations

import http.client
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.house import picture
from tests.integration.test_failures import is_ready, upload, web, worker
from tests.running import Service, http_client, running_service, stop, until
from vignette.running.embedded_broker import find_server
from vignette.trials.own_port import free_port


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    several = {"web_processes": 2, "render_processes": 2}
    with running_service(tmp_path_factory.mktemp("service"), max_upload_bytes=1_000_000, **several) as service:
        yield service
        stop(service)


def test_uploads_at_once_over_several_processes_get_numbers_without_a_gap(service: Service) -> None:
    begun = upload(service.url, picture()).json()["id"]

    with ThreadPoolExecutor(16) as pool:
        numbers = list(pool.map(lambda _: upload(service.url, picture()).json()["id"], range(48)))

    assert sorted(numbers) == list(range(begun + 1, begun + 49))


def test_a_body_of_unknown_length_is_taken(service: Service) -> None:
    content = picture(400, 300)
    pieces = (content[start : start + 1000] for start in range(0, len(content), 1000))

    response = http_client.post(f"{service.url}/images", content=pieces, headers={"Content-Type": "image/jpeg"})

    assert response.status_code == 201
    assert http_client.get(f"{service.url}/images/{response.text.strip()}/original").content == content


@pytest.mark.parametrize(
    ("content_type", "length"),
    [("image/jpeg", 1_000_001), ("multipart/form-data; boundary=b", 10_000_000_000)],
    ids=["raw", "form"],
)
def test_a_length_over_the_limit_is_refused_before_a_byte_is_sent(
    service: Service, content_type: str, length: int
) -> None:
    connection = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/images")
    connection.putheader("Content-Type", content_type)
    connection.putheader("Content-Length", str(length))
    connection.endheaders()

    response = connection.getresponse()

    assert (response.status, response.getheader("Content-Type")) == (413, "application/problem+json")
    connection.close()


def test_a_client_that_hangs_up_in_the_middle_leaves_nothing(service: Service) -> None:
    connection = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/images")
    connection.putheader("Content-Type", "image/jpeg")
    connection.putheader("Content-Length", "500000")
    connection.endheaders(bytes(100_000))
    staging = service.upload_folder / ".staging"
    until(lambda: any(staging.iterdir()))

    connection.close()

    until(lambda: not any(staging.iterdir()))


def test_by_hand_with_a_redis_of_one_s_own(tmp_path: Path) -> None:
    """The README's three terminals: `redis-server`, `celery -A task_celery worker`, `flask run`."""
    port = free_port()
    redis = subprocess.Popen(
        [find_server(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", tmp_path],
        stdout=subprocess.DEVNULL,
    )
    try:
        settings = {"broker_url": f"redis://127.0.0.1:{port}/0"}
        with web(tmp_path, **settings) as url, worker(tmp_path, "task_celery", options=(), **settings):
            until(lambda: http_client.get(f"{url}/readyz").json()["status"] == "ready")
            upload(url, picture())
            until(lambda: is_ready(url, 0))
    finally:
        redis.terminate()
        redis.wait()


def test_on_all_addresses_it_answers_for_the_hosts_that_it_is_told_of_and_for_no_others(tmp_path: Path) -> None:
    with running_service(tmp_path, host="0.0.0.0", allowed_hosts=("pictures.local",), access="open") as service:
        port = httpx.URL(service.url).port
        status = {
            host: http_client.get(f"http://127.0.0.1:{port}/", headers={"Host": host}).status_code
            for host in ("pictures.local", f"localhost:{port}", "evil.example", "0.0.0.0")
        }

    assert status == {"pictures.local": 200, f"localhost:{port}": 200, "evil.example": 421, "0.0.0.0": 421}
