"""What a process that forks may hold: nothing. Each child that the worker's pool forks can write to the catalogue."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import house, picture
from tests.integration.poison import KILLING_WIDTH
from tests.integration.test_failures import AS_THE_LAUNCHER_DOES, pool_of, sweep_of, worker
from tests.redis import RedisServer
from tests.running import LIMIT_S, until
from vignette.adapters.celery_queue import CeleryJobs, producer_app
from vignette.model import State
from vignette.ports.jobs import Lane
from vignette.trials.processes import command_line, parent_of

# Each is a fork of a child of the pool. Set it to some thousands to try for longer.
FORKS = int(os.environ.get("VIGNETTE_TEST_FORKS", "12"))

# A beat of the worker takes a third of a second or so then, within its transaction: so long the sweep holds the lock.
# The worker sweeps twice a second, so about every other fork comes while the lock is held.
SLOW_BEATS = """
CREATE TRIGGER slow_{event} AFTER {event} ON worker BEGIN
    DELETE FROM worker WHERE name = (
        WITH RECURSIVE counting(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counting WHERE n < 1500000)
        SELECT 'nobody' FROM counting WHERE n < 0
    );
END
"""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    yield server
    server.close()


def test_each_child_that_is_forked_while_the_sweep_writes_can_write(tmp_path: Path, redis: RedisServer) -> None:
    with house(tmp_path) as here:
        for event in ("INSERT", "UPDATE"):
            here.sql(SLOW_BEATS.format(event=event))
        numbers = [here.upload(picture()).id for _ in range(FORKS)]
        CeleryJobs(producer_app(redis.url)).hint_all(numbers, Lane.FAST)

        options = (*AS_THE_LAUNCHER_DOES, "--max-tasks-per-child", "1")
        with worker(tmp_path, options=options, broker_url=redis.url, render_processes=8):
            until(lambda: here.catalogue.waiting.unfinished() == 0, within_s=LIMIT_S + 5 * FORKS)

        words = (tmp_path / "celery.log").read_text()
        assert "the catalogue cannot be used now" not in words
        assert len(set(re.findall(r" Task .* process=ForkPoolWorker-\d+", words))) >= FORKS
        images = here.catalogue.library.newest(FORKS)
        assert {(image.state, image.attempts) for image in images} == {(State.READY, 1)}


def test_the_parent_of_the_pool_holds_no_thread_and_nothing_of_the_catalogue(
    tmp_path: Path, redis: RedisServer
) -> None:
    with house(tmp_path) as here, worker(tmp_path, broker_url=redis.url, render_processes=1) as parent:
        here.upload(picture())
        until(lambda: here.catalogue.waiting.unfinished() == 0)  # it was found, so there has been a sweep
        [child] = pool_of(parent.pid)

        assert _files_of_the_catalogue(child) != set()
        assert _files_of_the_catalogue(parent.pid) == set()
        assert len(list(Path(f"/proc/{parent.pid}/task").iterdir())) == 1


def test_the_death_of_a_rendering_is_noted_where_nothing_is_forked(tmp_path: Path, redis: RedisServer) -> None:
    # The lease lasts longer than anybody waits here.
    settings = {"broker_url": redis.url, "render_processes": 1, "max_attempts": 1, "render_seconds": 3600}
    with house(tmp_path) as here, worker(tmp_path, "tests.integration.poisoned_worker", **settings) as parent:
        image_id = here.upload(picture(KILLING_WIDTH, 10)).id
        until(lambda: here.catalogue.library.get(image_id).state is State.FAILED)

        assert _files_of_the_catalogue(parent.pid) == set()


def test_a_sweep_that_dies_is_started_again(tmp_path: Path, redis: RedisServer) -> None:
    with house(tmp_path) as here, worker(tmp_path, broker_url=redis.url, render_processes=1) as parent:
        until(lambda: sweep_of(parent.pid))
        [sweep] = sweep_of(parent.pid)

        os.kill(sweep, signal.SIGKILL)
        here.upload(picture())

        until(lambda: here.catalogue.waiting.unfinished() == 0)
        assert sweep_of(parent.pid) not in ([], [sweep])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each process that sweeps is a fresh program")
def test_the_first_sweep_shares_the_memory_of_its_worker_and_nothing_of_its_pool(
    tmp_path: Path, redis: RedisServer
) -> None:
    with house(tmp_path) as here, worker(tmp_path, broker_url=redis.url, render_processes=1) as parent:
        here.upload(picture())
        until(lambda: here.catalogue.waiting.unfinished() == 0)  # it was found, so there has been a sweep
        [sweep] = sweep_of(parent.pid)

        assert command_line(sweep) == command_line(parent.pid)
        memory_of_the_pool = {file for file in _files(parent.pid) if "/state/worker/pym-" in file}
        assert memory_of_the_pool
        assert not memory_of_the_pool & _files(sweep)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_sweep_ends_with_the_worker(tmp_path: Path, redis: RedisServer, number: signal.Signals) -> None:
    with worker(tmp_path, broker_url=redis.url, render_processes=1) as parent:
        until(lambda: sweep_of(parent.pid))
        [sweep] = sweep_of(parent.pid)

        os.kill(parent.pid, number)
        until(lambda: parent.poll() is not None)

        until(lambda: parent_of(sweep) is None)


def test_a_process_that_can_never_write_is_replaced_by_one_that_can(tmp_path: Path, redis: RedisServer) -> None:
    # A process waits a second for SQLite's lock.
    catalogue = f"sqlite:///{tmp_path / 'state' / 'catalogue.sqlite3'}?timeout=1"
    settings = {"broker_url": redis.url, "render_processes": 1, "database_url": catalogue}
    with house(tmp_path) as here:
        numbers = [here.upload(picture()).id for _ in range(4)]
        CeleryJobs(producer_app(redis.url)).hint_all(numbers, Lane.FAST)

        with worker(tmp_path, "tests.integration.locked_worker", **settings):
            until(lambda: here.catalogue.waiting.unfinished() == 0, within_s=120)

        words = (tmp_path / "celery.log").read_text()
        assert "this process cannot use the catalogue" in words
        assert "database is locked" in words
        assert {image.state for image in here.catalogue.library.newest(4)} == {State.READY}


def _files_of_the_catalogue(process: int) -> set[str]:
    return {file for file in _files(process) if "catalogue.sqlite3" in file}


def _files(process: int) -> set[str]:
    return {os.readlink(entry) for entry in Path(f"/proc/{process}/fd").iterdir()}  # noqa: PTH115 (not all are paths)
