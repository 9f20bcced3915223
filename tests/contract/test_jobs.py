"""What `ports.Jobs` promises, with a real Redis-compatible server; the double of the unit tests is held to it too."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import ListJobs
from tests.redis import RedisServer
from vignette.adapters.celery_queue import QUEUE, RENDER_TASK, CeleryJobs, producer_app, worker_app
from vignette.errors import QueueUnavailable
from vignette.model import ImageId
from vignette.ports import Jobs, Lane

JOB_SECONDS = 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.close()


@pytest.fixture
def celery_jobs(server: RedisServer) -> Iterator[CeleryJobs]:
    app = producer_app(server.url)
    yield CeleryJobs(app, JOB_SECONDS)
    app.close()


@pytest.fixture(params=["celery", "list"])
def jobs(request: pytest.FixtureRequest) -> Jobs:
    return request.getfixturevalue("celery_jobs") if request.param == "celery" else ListJobs()


def test_the_backlog_counts_what_was_hinted(jobs: Jobs) -> None:
    assert jobs.backlog() == 0

    jobs.hint(ImageId(0), Lane.FAST)
    jobs.hint_all([ImageId(1), ImageId(2)], Lane.BULK)

    assert jobs.backlog() == 3


def test_what_a_worker_has_taken_counts_as_long_as_one_may_work_on_it(
    server: RedisServer, celery_jobs: CeleryJobs
) -> None:
    now = time.time()
    server.client.zadd("vignette:unacked_index", {"in hand": now - JOB_SECONDS / 2, "of the dead": now - JOB_SECONDS})

    assert celery_jobs.backlog() == 1


def test_a_job_carries_the_number_and_nothing_else(server: RedisServer, celery_jobs: CeleryJobs) -> None:
    celery_jobs.hint(ImageId(7), Lane.FAST)

    message = json.loads(server.client.lindex(f"vignette:{QUEUE}", 0))
    arguments, options, _ = json.loads(b64decode(message["body"]))
    assert (message["headers"]["task"], arguments, options) == (RENDER_TASK, [7], {})


def test_the_fast_lane_overtakes_the_other_and_each_keeps_its_order(
    server: RedisServer, celery_jobs: CeleryJobs
) -> None:
    """As a worker takes them, which finds all of them waiting and has one process."""
    celery_jobs.hint_all([ImageId(number) for number in range(5)], Lane.BULK)
    celery_jobs.hint(ImageId(5), Lane.FAST)
    celery_jobs.hint_all([ImageId(6), ImageId(7)], Lane.BULK)
    celery_jobs.hint(ImageId(8), Lane.FAST)
    assert celery_jobs.backlog() == 9
    taken: list[int] = []

    def take(body: Any, message: Any) -> None:
        taken.extend(body[0])
        message.ack()

    app = worker_app(server.url, processes=1, soft_time_limit_s=30)
    with app.connection_for_read() as connection:
        consumer = connection.Consumer([app.amqp.queues[QUEUE]], callbacks=[take])  # type: ignore[attr-defined]
        consumer.qos(prefetch_count=1)
        with consumer:
            while len(taken) < 9:
                connection.drain_events(timeout=30)
    app.close()

    assert taken == [5, 8, 0, 1, 2, 3, 4, 6, 7]
    assert celery_jobs.backlog() == 0


def test_what_others_keep_on_the_same_server_does_not_count(server: RedisServer, celery_jobs: CeleryJobs) -> None:
    server.client.hset("unacked", mapping={"foreign-1": "x", "foreign-2": "x"})
    server.client.zadd("unacked_index", {"foreign-1": time.time(), "foreign-2": time.time()})
    server.client.lpush(QUEUE, "foreign")

    assert celery_jobs.backlog() == 0


def test_a_queue_that_is_not_there_costs_a_fraction_of_a_second_once(
    server: RedisServer, celery_jobs: CeleryJobs
) -> None:
    server.kill()

    took = [_seconds_to_fail(celery_jobs) for _ in range(3)]

    assert took[0] < 0.5
    assert max(took[1:]) < 0.05


def test_a_queue_that_accepts_and_never_answers_costs_half_a_second_once(
    server: RedisServer, celery_jobs: CeleryJobs
) -> None:
    celery_jobs.hint(ImageId(0), Lane.FAST)
    server.freeze()

    took = [_seconds_to_fail(celery_jobs) for _ in range(3)]

    server.thaw()
    assert took[0] < 1
    assert max(took[1:]) < 0.05


def test_a_queue_that_comes_back_is_used_again(
    server: RedisServer, celery_jobs: CeleryJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vignette.adapters.celery_queue._PAUSE_AFTER_FAILURE_S", 0)
    server.kill()
    _seconds_to_fail(celery_jobs)

    server.start()
    celery_jobs.hint(ImageId(0), Lane.FAST)

    assert celery_jobs.backlog() == 1


def _seconds_to_fail(jobs: Jobs) -> float:
    begun = time.monotonic()
    with pytest.raises(QueueUnavailable):
        jobs.hint(ImageId(1), Lane.FAST)
    return time.monotonic() - begun
