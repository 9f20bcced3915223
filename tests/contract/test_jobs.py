"""
What `ports.Jobs` promises: of Celery on a real Redis-compatible server, and of the double that unit tests have for it.

What only the real one can do (be slow, be shared with others) is below, by its own name.
"""

from __future__ import annotations

import json
import socket
import tempfile
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from tests.doubles import ListJobs
from tests.redis import RedisServer, bad_line, endless, late
from tests.running import until
from vignette.adapters.celery_queue import _PRODUCER_TRANSPORT, QUEUE, RENDER_TASK, CeleryJobs, producer_app, worker_app
from vignette.errors import QueueUnavailable
from vignette.model import ImageId
from vignette.ports.jobs import Jobs, Lane

T = TypeVar("T")


class Queue(Protocol):
    """A queue with its other end, and its fate."""

    jobs: Jobs

    def take(self, count: int) -> list[ImageId]:
        """As a worker of one process does that finds all of them waiting."""

    def go_down(self) -> None: ...

    def come_back(self) -> None: ...


class CeleryQueue:
    """The adapter, the real server, and a consumer with the settings of the worker."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self._producer = producer_app(server.url)
        self.jobs: Jobs = CeleryJobs(self._producer, pause_after_failure_s=0)

    def take(self, count: int) -> list[ImageId]:
        taken: list[ImageId] = []

        def take(body: Any, message: Any) -> None:
            taken.extend(body[0])
            message.ack()

        app = worker_app(self.server.url, processes=1, tasks_per_process=1, soft_time_limit_s=30)
        with app.connection_for_read() as connection:
            consumer = connection.Consumer([app.amqp.queues[QUEUE]], callbacks=[take])  # type: ignore[attr-defined]
            consumer.qos(prefetch_count=1)
            with consumer:
                while len(taken) < count:
                    connection.drain_events(timeout=30)
        app.close()
        return taken

    def go_down(self) -> None:
        self.server.kill()

    def come_back(self) -> None:
        self.server.start()

    def close(self) -> None:
        self._producer.close()


class ListQueue:
    """The double."""

    def __init__(self) -> None:
        self._list = ListJobs()
        self.jobs: Jobs = self._list

    def take(self, count: int) -> list[ImageId]:
        return [self._list.take() for _ in range(count)]

    def go_down(self) -> None:
        self._list.is_down = True

    def come_back(self) -> None:
        self._list.is_down = False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.close()


@pytest.fixture
def celery_queue(server: RedisServer) -> Iterator[CeleryQueue]:
    queue = CeleryQueue(server)
    yield queue
    queue.close()


@pytest.fixture(params=["celery", "list"])
def queue(request: pytest.FixtureRequest) -> Queue:
    return request.getfixturevalue("celery_queue") if request.param == "celery" else ListQueue()


# Every queue


def test_the_backlog_counts_what_was_hinted_and_not_taken(queue: Queue) -> None:
    assert queue.jobs.backlog() == 0

    queue.jobs.hint(ImageId(0), Lane.FAST)
    queue.jobs.hint_all([ImageId(1), ImageId(2)], Lane.BULK)
    assert queue.jobs.backlog() == 3

    assert queue.take(1) == [0]
    assert queue.jobs.backlog() == 2


def test_an_image_that_is_hinted_twice_has_two_jobs(queue: Queue) -> None:
    for _ in range(2):
        queue.jobs.hint(ImageId(7), Lane.FAST)

    assert queue.jobs.backlog() == 2
    assert queue.take(2) == [7, 7]


def test_the_fast_lane_overtakes_the_other_and_each_keeps_its_order(queue: Queue) -> None:
    queue.jobs.hint_all([ImageId(number) for number in range(5)], Lane.BULK)
    queue.jobs.hint(ImageId(5), Lane.FAST)
    queue.jobs.hint_all([ImageId(6), ImageId(7)], Lane.BULK)
    queue.jobs.hint(ImageId(8), Lane.FAST)

    assert queue.take(9) == [5, 8, 0, 1, 2, 3, 4, 6, 7]
    assert queue.jobs.backlog() == 0


def test_first_vignettes_come_before_other_sizes_and_those_before_what_is_rendered_again(queue: Queue) -> None:
    for number, lane in enumerate([Lane.RENEWAL, Lane.REST, Lane.BULK, Lane.FAST, Lane.REST, Lane.BULK]):
        queue.jobs.hint(ImageId(number), lane)

    assert queue.take(6) == [3, 2, 5, 1, 4, 0]


def test_no_hint_at_all_is_none(queue: Queue) -> None:
    queue.jobs.hint_all([], Lane.FAST)

    assert queue.jobs.backlog() == 0


def test_a_queue_that_is_away_says_so_and_is_used_again_when_it_comes_back(queue: Queue) -> None:
    queue.jobs.hint(ImageId(0), Lane.FAST)
    queue.go_down()
    for ask in (
        lambda: queue.jobs.hint(ImageId(1), Lane.FAST),
        lambda: queue.jobs.hint_all([ImageId(1)], Lane.BULK),
        queue.jobs.backlog,
    ):
        with pytest.raises(QueueUnavailable):
            ask()

    queue.come_back()
    queue.jobs.hint(ImageId(2), Lane.FAST)

    # It is a hint: what waited may have been lost.
    assert queue.take(queue.jobs.backlog())[-1] == 2


# The real one


def test_a_job_carries_the_number_and_nothing_else(celery_queue: CeleryQueue) -> None:
    celery_queue.jobs.hint(ImageId(7), Lane.FAST)

    message = json.loads(celery_queue.server.client.lindex(f"vignette:{QUEUE}", 0))
    arguments, options, _ = json.loads(b64decode(message["body"]))
    assert (message["headers"]["task"], arguments, options) == (RENDER_TASK, [7], {})


def test_what_others_keep_on_the_same_server_does_not_count(celery_queue: CeleryQueue) -> None:
    celery_queue.server.client.lpush(QUEUE, "foreign")

    assert celery_queue.jobs.backlog() == 0


def test_a_queue_that_froze_is_used_again_when_it_thaws(celery_queue: CeleryQueue) -> None:
    celery_queue.server.freeze()
    with pytest.raises(QueueUnavailable):
        celery_queue.jobs.hint(ImageId(1), Lane.FAST)

    celery_queue.server.thaw()

    soon(lambda: celery_queue.jobs.hint(ImageId(2), Lane.FAST))  # the call that came too late has to end first
    assert soon(celery_queue.jobs.backlog) >= 1


def soon(ask: Callable[[], T]) -> T:
    """Return what *ask* returns, once the queue answers in time."""
    answers: list[T] = []

    def is_answered() -> bool:
        with suppress(QueueUnavailable):
            answers.append(ask())
        return bool(answers)

    until(is_answered)
    return answers[0]


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
        jobs = CeleryJobs(producer_app(url))

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
        jobs = CeleryJobs(app)
        many = 3 * app.conf.broker_pool_limit

        with ThreadPoolExecutor(many) as uploads:
            errors = [
                done.exception() for done in [uploads.submit(jobs.hint, ImageId(0), Lane.FAST) for _ in range(many)]
            ]

        assert {type(error) for error in errors} == {QueueUnavailable}
        assert connections() <= app.conf.broker_pool_limit


@pytest.mark.parametrize("ask", [lambda jobs: jobs.hint(ImageId(7), Lane.FAST), lambda jobs: jobs.backlog()])
def test_a_queue_whose_answer_does_not_end_keeps_nobody_waiting(
    server: RedisServer, ask: Callable[[CeleryJobs], object]
) -> None:
    with bad_line(server, endless) as url:
        jobs = CeleryJobs(producer_app(url), pause_after_failure_s=0)

        asked = [in_background(lambda: ask(jobs)) for _ in range(20)]

        assert {type(each.exception(20)) for each in asked} == {QueueUnavailable}
        # As long as that call goes on, nobody waits at all.
        for _ in range(1000):
            with pytest.raises(QueueUnavailable):
                ask(jobs)


def test_what_a_slow_queue_takes_too_late_for_who_waits_is_in_it_all_the_same(server: RedisServer) -> None:
    """To connect takes several answers."""
    with bad_line(server, late(0.35)) as url:
        jobs = CeleryJobs(producer_app(url), pause_after_failure_s=0)

        with pytest.raises(QueueUnavailable):
            jobs.hint(ImageId(7), Lane.FAST)

        until(lambda: server.client.llen(f"vignette:{QUEUE}") == 1)


@pytest.mark.parametrize(
    "refusing", [{"maxmemory": "1", "maxmemory-policy": "noeviction"}, {"min-replicas-to-write": 1}]
)
def test_a_queue_that_answers_and_takes_no_jobs_is_not_available(
    celery_queue: CeleryQueue, refusing: dict[str, Any]
) -> None:
    celery_queue.jobs.hint(ImageId(0), Lane.FAST)
    config = celery_queue.server.client.config_set
    for name, value in refusing.items():
        config(name, value)
    for ask in (lambda: celery_queue.jobs.hint(ImageId(1), Lane.FAST), celery_queue.jobs.backlog):
        with pytest.raises(QueueUnavailable):
            ask()

    config("maxmemory", "0")
    config("min-replicas-to-write", 0)
    celery_queue.jobs.hint(ImageId(2), Lane.FAST)

    assert celery_queue.jobs.backlog() == 2


def in_background(call: Callable[[], object]) -> Future[object]:
    """What a thread does that the end of the tests does not wait for."""
    done: Future[object] = Future()

    def do() -> None:
        try:
            done.set_result(call())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=do, daemon=True).start()
    return done


@pytest.mark.parametrize("priority", [0, 9])
def test_a_job_that_an_earlier_release_queued_is_taken(celery_queue: CeleryQueue, priority: int) -> None:
    """It had two lanes, of these priorities."""
    earlier = producer_app(celery_queue.server.url)
    earlier.conf.broker_transport_options = {**_PRODUCER_TRANSPORT, "priority_steps": [0, 9]}
    earlier.send_task(RENDER_TASK, (7,), priority=priority)
    earlier.close()

    assert celery_queue.jobs.backlog() == 1
    assert celery_queue.take(1) == [7]
