"""What `ports.Jobs` promises, with a real Redis-compatible server; the double of the unit tests is held to it too."""

from __future__ import annotations

import json
import socket
import tempfile
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import ListJobs
from tests.redis import RedisServer
from vignette.adapters.celery_queue import _PRODUCER_TRANSPORT, QUEUE, RENDER_TASK, CeleryJobs, producer_app, worker_app
from vignette.errors import QueueUnavailable
from vignette.model import ImageId
from vignette.ports.jobs import Jobs, Lane

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


@contextmanager
def consuming(server: RedisServer, take: Callable[[Any, Any], None]) -> Iterator[Any]:
    """The connection of a worker with one process; *take* gets the body and the message of each job that it takes."""
    app = worker_app(server.url, processes=1, soft_time_limit_s=30)
    with app.connection_for_read() as connection:
        consumer = connection.Consumer([app.amqp.queues[QUEUE]], callbacks=[take])  # type: ignore[attr-defined]
        consumer.qos(prefetch_count=1)
        with consumer:
            yield connection
    app.close()


def test_the_backlog_counts_what_was_hinted(jobs: Jobs) -> None:
    assert jobs.backlog() == (0, frozenset())

    jobs.hint(ImageId(0), Lane.FAST)
    jobs.hint_all([ImageId(1), ImageId(2)], Lane.BULK)

    assert jobs.backlog() == (3, frozenset())


def test_what_a_worker_has_taken_is_told_as_long_as_one_may_work_on_it(
    server: RedisServer, celery_jobs: CeleryJobs
) -> None:
    celery_jobs.hint_all([ImageId(7), ImageId(8)], Lane.BULK)
    messages: list[Any] = []
    with consuming(server, lambda _, message: messages.append(message)) as connection:
        connection.drain_events(timeout=30)

        waiting, taken = celery_jobs.backlog()
        assert (waiting, [job.image_id for job in taken]) == (1, [7])

        [delivery] = [job.delivery for job in taken]
        server.client.zincrby("vignette:unacked_index", -JOB_SECONDS, delivery)
        assert celery_jobs.backlog() == (1, frozenset())

        server.client.zadd("vignette:unacked_index", {"done with meanwhile": time.time()})
        assert celery_jobs.backlog() == (1, frozenset())


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
    assert celery_jobs.backlog() == (9, frozenset())
    taken: list[int] = []

    def take(body: Any, message: Any) -> None:
        taken.extend(body[0])
        message.ack()

    with consuming(server, take) as connection:
        while len(taken) < 9:
            connection.drain_events(timeout=30)

    assert taken == [5, 8, 0, 1, 2, 3, 4, 6, 7]
    assert celery_jobs.backlog() == (0, frozenset())


def test_what_others_keep_on_the_same_server_does_not_count(server: RedisServer, celery_jobs: CeleryJobs) -> None:
    server.client.hset("unacked", mapping={"foreign-1": "x", "foreign-2": "x"})
    server.client.zadd("unacked_index", {"foreign-1": time.time(), "foreign-2": time.time()})
    server.client.lpush(QUEUE, "foreign")

    assert celery_jobs.backlog() == (0, frozenset())


@contextmanager
def mute_server() -> Iterator[tuple[str, Callable[[], int]]]:
    """One that lets itself be connected to and never answers: its URL, and what counts its connections since."""
    with tempfile.TemporaryDirectory(prefix="vm") as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/m.sock")
        listening.listen(100)
        listening.setblocking(False)

        def connections() -> int:
            count = 0
            with suppress(BlockingIOError):
                while True:
                    listening.accept()[0].close()
                    count += 1
            return count

        yield f"redis+socket://{folder}/m.sock", connections


def test_a_queue_that_never_answers_is_waited_for_once_and_for_less_than_half_a_second() -> None:
    with mute_server() as (url, connections):
        jobs = CeleryJobs(producer_app(url), JOB_SECONDS)

        for _ in range(3):
            with pytest.raises(QueueUnavailable):
                jobs.hint(ImageId(0), Lane.FAST)

        assert connections() == 1
        assert _PRODUCER_TRANSPORT["socket_timeout"] < 0.5
        assert _PRODUCER_TRANSPORT["socket_connect_timeout"] < 0.5


def test_who_waits_for_a_connection_does_not_wait_for_the_queue_as_well() -> None:
    """More uploads at the same moment than there are connections to the queue."""
    with mute_server() as (url, connections):
        app = producer_app(url)
        jobs = CeleryJobs(app, JOB_SECONDS)
        many = 3 * app.conf.broker_pool_limit

        with ThreadPoolExecutor(many) as uploads:
            errors = [
                done.exception() for done in [uploads.submit(jobs.hint, ImageId(0), Lane.FAST) for _ in range(many)]
            ]

        assert {type(error) for error in errors} == {QueueUnavailable}
        assert connections() <= app.conf.broker_pool_limit


@pytest.mark.parametrize(("go", "come_back"), [("kill", "start"), ("freeze", "thaw")])
def test_a_queue_that_comes_back_is_used_again(
    server: RedisServer, celery_jobs: CeleryJobs, monkeypatch: pytest.MonkeyPatch, go: str, come_back: str
) -> None:
    monkeypatch.setattr("vignette.adapters.celery_queue._PAUSE_AFTER_FAILURE_S", 0)
    celery_jobs.hint(ImageId(0), Lane.FAST)
    getattr(server, go)()
    with pytest.raises(QueueUnavailable):
        celery_jobs.hint(ImageId(1), Lane.FAST)

    getattr(server, come_back)()
    celery_jobs.hint(ImageId(2), Lane.FAST)

    assert celery_jobs.backlog().waiting >= 2
