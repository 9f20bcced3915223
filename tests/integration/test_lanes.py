"""Two lanes of one queue: who has sent one picture does not wait behind another who has sent thirty."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.house import picture
from tests.integration.test_failures import is_ready, web, worker
from tests.redis import RedisServer
from tests.running import http_client, is_complete, until
from vignette.adapters.celery_queue import CeleryJobs, producer_app
from vignette.model import ImageId
from vignette.ports.jobs import Lane

MANY = 30
FEW = 8


def test_a_single_upload_overtakes_those_of_a_request_with_many(tmp_path: Path) -> None:
    """All of them wait when the worker, of one process, begins."""
    (tmp_path / "redis").mkdir()
    with closing(RedisServer(tmp_path / "redis")) as redis:
        settings = {"broker_url": redis.url, "render_processes": 1}
        with web(tmp_path, **settings) as url:
            files = [("file", (f"{number}.jpg", picture())) for number in range(MANY)]
            assert http_client.post(f"{url}/images", files=files).status_code == 201
            single = _upload_that_is_queued(url, redis)

            with worker(tmp_path, **settings):
                until(lambda: all(is_ready(url, number) for number in range(single + 1)))

    first_ones = (tmp_path / "uploads").glob("*/vignette-small-*.webp")
    order = [int(path.parent.name) for path in sorted(first_ones, key=lambda path: path.stat().st_mtime_ns)]
    assert sorted(order) == list(range(single + 1))
    # The first file of the other is as fresh as the single one, and may be before it.
    assert order.index(single) <= 1


def test_the_default_vignettes_of_all_come_before_any_other_size_of_any(tmp_path: Path) -> None:
    """All of them wait when the worker, of one process, begins."""
    (tmp_path / "redis").mkdir()
    with closing(RedisServer(tmp_path / "redis")) as redis:
        settings = {"broker_url": redis.url, "render_processes": 1}
        with web(tmp_path, **settings) as url:
            files = [("file", (f"{number}.jpg", picture(640, 480))) for number in range(FEW)]
            assert http_client.post(f"{url}/images", files=files).status_code == 201
            # One of them is queued twice, before all others.
            CeleryJobs(producer_app(redis.url)).hint(ImageId(0), Lane.FAST)

            # At the usual pace: a quick sweep might take for forgotten what has just been taken, and queue it
            # once more, in the first lane.
            with worker(tmp_path, app="task_celery", **settings):
                until(lambda: all(is_complete(url, number) for number in range(FEW)))

    def made_at(size: str) -> list[int]:
        return [path.stat().st_mtime_ns for path in (tmp_path / "uploads").glob(f"*/vignette-{size}-*")]

    small, large = made_at("small"), made_at("large")
    assert len(small) == len(large) == 2 * FEW
    assert max(small) < min(large)


def _upload_that_is_queued(url: str, redis: RedisServer) -> int:
    """
    Another sender, at another address of this machine, uploads a picture.

    On a busy machine the queue may answer too late for an upload, which then is for the sweep, in the other lane.
    """
    for number in range(2, 250):
        before = redis.client.llen("vignette:vignette")
        with httpx.Client(transport=httpx.HTTPTransport(local_address=f"127.0.0.{number}")) as another:
            files = {"file": ("photo.jpg", picture())}
            sent = another.post(f"{url}/images", files=files, headers={"Accept": "application/json"}, timeout=30)
        if redis.client.llen("vignette:vignette") == before + 1:
            return int(sent.json()["id"])
    pytest.fail("the queue takes nothing")
