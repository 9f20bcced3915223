"""SIGTERM under load: a client sees an answer, or an error that it may try again after, and nothing is lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.house import picture
from tests.running import LIMIT_S, Service, all_along, http_client, running_service, stop, until
from vignette.trials.own_port import free_port

CLIENTS = 4


def upload(url: str, content: bytes, key: str) -> int | None:
    """The number of the image; None if there was no answer, or one that asks to try again."""
    try:
        answer = http_client.post(
            f"{url}/images", files={"file": ("a", content)}, headers={"Idempotency-Key": key}, timeout=30
        )
    except httpx.TransportError:
        return None
    assert answer.status_code in (201, 503), answer.text
    return int(answer.text) if answer.status_code == 201 else None


def client(url: str, name: int, stop: threading.Event, acknowledged: dict[int, bytes]) -> None:
    """Upload one picture after another, each until it is taken; the same key all along."""
    number = 0
    while not stop.is_set():
        content = picture(100 + name, 100 + number % 500, "BMP")
        image_id = upload(url, content, f"{name}-{number}")
        if image_id is not None:
            assert acknowledged.setdefault(image_id, content) == content, "a number was given twice"
            number += 1
        stop.wait(0.05)  # the service that starts meanwhile needs the processor more


@contextmanager
def uploading(url: str) -> Iterator[dict[int, bytes]]:
    """The clients, all along; what was acknowledged, by number."""
    acknowledged: dict[int, bytes] = {}
    with all_along(CLIENTS, lambda name, stop: client(url, name, stop, acknowledged)):
        yield acknowledged


def assert_nothing_is_lost(service: Service, acknowledged: dict[int, bytes]) -> None:
    listed, page = list[int](), f"{service.url}/images?limit=100"
    while page:
        answer = http_client.get(page)
        listed += [image["id"] for image in answer.json()["images"]]
        page = answer.links.get("next", {}).get("url", "")
    assert set(acknowledged) <= set(listed)
    # A client that got no answer has sent the same key again: nobody's picture is there twice.
    assert sorted(listed) == list(range(len(listed)))
    assert len(listed) - len(acknowledged) <= CLIENTS
    for number, content in acknowledged.items():
        assert (service.upload_folder / str(number) / "original.bmp").read_bytes() == content
    until(lambda: all(is_ready(service.url, number) for number in listed), within_s=2 * LIMIT_S)
    # Of an upload that was given up at one of two stops something may be left, until the sweep clears it away.
    assert len(list((service.upload_folder / ".staging").iterdir())) <= 2 * CLIENTS


def test_a_restart_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    port = free_port()
    with uploading(f"http://127.0.0.1:{port}") as acknowledged:
        for round_number in range(2):
            with running_service(tmp_path, port=port, web_processes=2, render_processes=2) as service:
                until(lambda least=10 * (round_number + 1): len(acknowledged) >= least)
                stop(service)

    with running_service(tmp_path, port=port) as service:
        assert_nothing_is_lost(service, acknowledged)


def test_web_server_and_worker_may_be_restarted_one_after_the_other_under_load(tmp_path: Path) -> None:
    """By SIGTERM to each; the supervisor starts it again, and the other goes on meanwhile."""
    with running_service(tmp_path) as service:
        with uploading(service.url) as acknowledged, ThreadPoolExecutor(1) as pool:
            for part in ("granian", "celery"):
                more = len(acknowledged) + 5
                until(lambda least=more: len(acknowledged) >= least)
                [before] = service.children(part)
                reader = pool.submit(read_until_replaced, service, part, before)

                os.kill(before, signal.SIGTERM)

                reader.result()
        assert_nothing_is_lost(service, acknowledged)
        stop(service)


def read_until_replaced(service: Service, part: str, before: int) -> None:
    """Read all the while; each answer is the right one, or there is none: then a client asks again."""

    def is_replaced() -> bool:
        try:
            answers = [http_client.get(f"{service.url}{path}") for path in ("/images/0", "/images/0/original")]
        except httpx.TransportError:
            return False
        assert [answer.status_code for answer in answers] == [200, 200]
        return service.children(part) not in ([], [before])

    until(is_replaced)


def test_uploads_that_are_running_are_finished(tmp_path: Path) -> None:
    """The body is on its way when the signal comes."""
    content = picture(1000, 1000, "BMP")
    sent = threading.Event()
    with running_service(tmp_path) as service:

        def body() -> object:
            yield content[:1_000_000]
            until(lambda: any(path.stat().st_size for path in staging.glob("*/original")))
            sent.set()
            until(lambda: "stopping" in service.words() or not listens(service.url))
            yield content[1_000_000:]

        staging = service.upload_folder / ".staging"
        headers = {"Content-Type": "image/bmp", "Content-Length": str(len(content))}
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(http_client.post, f"{service.url}/images", content=body(), headers=headers, timeout=30)  # type: ignore[arg-type]
            sent.wait(30)
            stop(service)

            assert answer.result().status_code == 201
    assert (service.upload_folder / "0" / "original.bmp").read_bytes() == content


def listens(url: str) -> bool:
    try:
        http_client.get(f"{url}/healthz", timeout=1)
    except httpx.TransportError:
        return False
    return True


def is_ready(url: str, number: int) -> bool:
    return bool(http_client.get(f"{url}/images/{number}").json()["state"] == "ready")
