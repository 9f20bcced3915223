"""Processes that are alive and do nothing: each part of a service that is really stuck is replaced."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.house import house, picture
from tests.integration.pace import IMPATIENT
from tests.integration.test_failures import is_ready, lasting_worker, pool_of, upload
from tests.redis import RedisServer
from tests.running import Service, http_client, running_service, until
from vignette.adapters.celery_queue import CeleryJobs, producer_app
from vignette.ports.jobs import Lane
from vignette.trials.processes import children_of, command_line, marked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

PROGRAM = """
import sys
from vignette.cli import open_catalogue
from vignette.running.launcher import Patience, serve
from vignette.settings import load_settings_or_exit
sys.exit(serve(load_settings_or_exit(), open_catalogue, patience=Patience(answer_limit_s=6, web_kill_s=1)))
"""
SERVE = (sys.executable, "-c", PROGRAM)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path, command=SERVE, web_processes=2) as service:
        yield service


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    yield server
    server.close()


class TestAPartThatAnswersNobody:
    """The supervisor asks the web server and the broker."""

    def test_a_web_process_that_answers_nobody_is_replaced_although_the_other_answers(self, service: Service) -> None:
        [server] = service.children("granian")
        # The service is up when one of them answers. Nobody's question goes to a process that does not listen yet.
        until(lambda: _listeners(service) == 2)
        stuck = children_of(server)[-1]

        os.kill(stuck, signal.SIGSTOP)

        until(lambda: "the web server does not answer any more; it is ended" in service.words())
        until(lambda: service.children("granian") not in ([], [server]))
        until(lambda: _answers(service))
        assert command_line(stuck) == ""
        assert upload(service.url, picture()).status_code == 201

    def test_a_broker_that_answers_nobody_is_replaced_and_what_waits_for_it_comes(self, service: Service) -> None:
        [broker] = service.children("valkey")

        os.kill(broker, signal.SIGSTOP)
        image_id = upload(service.url, picture()).json()["id"]

        until(lambda: "the broker does not answer any more; it is ended" in service.words())
        until(lambda: is_ready(service.url, image_id))

    def test_a_service_that_works_is_left_alone(self, service: Service) -> None:
        before = service.children()

        for number in range(30):
            upload(service.url, picture())
            until(lambda number=number: is_ready(service.url, number))  # type: ignore[misc]

        assert service.children() == before
        assert "any more" not in service.words()


class TestAWorkerThatBeginsNothing:
    """The process that sweeps watches its worker."""

    @pytest.mark.parametrize("who", ["parent", "idle process of the pool"])
    def test_a_worker_that_begins_nothing_is_ended_and_the_next_one_does_its_work(
        self, tmp_path: Path, redis: RedisServer, who: str
    ) -> None:
        settings = {"broker_url": redis.url, "render_processes": 1}
        with house(tmp_path) as here, lasting_worker(tmp_path, "tests.integration.impatient_worker", **settings):
            here.upload(picture())
            until(lambda: here.catalogue.waiting.unfinished() == 0)
            [parent] = [number for number in marked(str(tmp_path)) if pool_of(number)]
            stuck = parent if who == "parent" else pool_of(parent)[0]

            os.kill(stuck, signal.SIGSTOP)
            numbers = [here.upload(picture()).id for _ in range(3)]
            CeleryJobs(producer_app(redis.url)).hint_all(numbers, Lane.FAST)

            until(lambda: here.catalogue.waiting.unfinished() == 0)
            assert command_line(stuck) == ""
        assert "begins nothing although" in (tmp_path / "celery.log").read_text()

    def test_a_worker_whose_queue_froze_for_longer_than_its_patience_goes_on(
        self, tmp_path: Path, redis: RedisServer
    ) -> None:
        small = [{"name": "small", "edge": 64, "formats": ["webp"]}]
        settings = {"broker_url": redis.url, "render_processes": 2, "recipes": small}
        with house(tmp_path) as here, lasting_worker(tmp_path, "tests.integration.impatient_worker", **settings):
            here.upload(picture())
            until(lambda: here.catalogue.waiting.unfinished() == 0)
            numbers = [here.upload(picture()).id for _ in range(100)]
            CeleryJobs(producer_app(redis.url)).hint_all(numbers, Lane.FAST)
            until(lambda: here.catalogue.waiting.unfinished() < 90)

            redis.freeze()
            here.upload(picture())  # the worker may have made all the others by now
            log = tmp_path / "celery.log"
            # Each sweep waits for the queue for a while, and says so.
            assert IMPATIENT.patience_s is not None
            sweeps = 2 + math.ceil(IMPATIENT.patience_s / IMPATIENT.sweep_every_s)
            until(lambda: log.read_text().count("wait for the queue") >= sweeps)
            redis.thaw()

            until(lambda: here.catalogue.waiting.unfinished() == 0)
            assert "begins nothing although" not in log.read_text()


def _listeners(service: Service) -> int:
    """Return how many sockets listen on the port of *service*: each web process has its own (proc_net_tcp(5))."""
    port, listens = int(service.url.rpartition(":")[2]), "0A"
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(local.rpartition(":")[2], 16) == port and state == listens for _, local, _, state, *_ in sockets)


def _answers(service: Service) -> bool:
    try:
        return http_client.get(f"{service.url}/healthz", timeout=2).is_success
    except httpx.TransportError:
        return False
