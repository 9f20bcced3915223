"""The libraries that decode are loaded once for the whole worker, by a process that forks for all of its pool."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import House, house, picture
from tests.integration.poison import HANGING_WIDTH
from tests.integration.test_failures import AS_THE_LAUNCHER_DOES, pool_of, worker
from tests.needs import LINUX
from tests.redis import RedisServer
from tests.running import until
from vignette.model import State
from vignette.trials.processes import children_of, command_line, parent_of, with_descendants

pytestmark = LINUX


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    yield server
    server.close()


def loaders(parent: int) -> list[int]:
    """The processes that have loaded the decoders, and are no cells."""
    found = [number for number in with_descendants([parent]) if "decoder" in command_line(number)]
    return [number for number in found if parent_of(number) not in found]


def wait_for_all(here: House) -> None:
    until(lambda: here.catalogue.waiting.unfinished() == 0)


def test_the_whole_pool_shares_one_and_so_do_the_processes_that_replace_others(
    tmp_path: Path, redis: RedisServer
) -> None:
    options = (*AS_THE_LAUNCHER_DOES, "--max-tasks-per-child", "1")
    with house(tmp_path) as here, worker(tmp_path, options=options, broker_url=redis.url, render_processes=2) as parent:
        until(lambda: len(pool_of(parent.pid)) == 2 and loaders(parent.pid))
        [loader] = loaders(parent.pid)
        first = set(pool_of(parent.pid))
        images = [here.upload(picture()).id for _ in range(6)]
        wait_for_all(here)

        assert {here.catalogue.library.get(image).attempts for image in images} == {1}
        assert not first & set(pool_of(parent.pid))
        assert loaders(parent.pid) == [loader]
        assert parent_of(loader) == parent.pid
        # Those of the processes that have ended are gone.
        until(lambda: len(children_of(loader)) == 2)


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_a_pool_without_forks_has_one_too(tmp_path: Path, redis: RedisServer, pool: str) -> None:
    options = (*AS_THE_LAUNCHER_DOES, "--pool", pool)
    with house(tmp_path) as here, worker(tmp_path, options=options, broker_url=redis.url, render_processes=2) as parent:
        images = [here.upload(picture()).id for _ in range(3)]
        wait_for_all(here)

        assert {here.catalogue.library.get(image).state for image in images} == {State.READY}
        assert len(loaders(parent.pid)) == 1


def test_when_it_is_killed_another_takes_its_place_and_each_image_gets_its_vignettes(
    tmp_path: Path, redis: RedisServer
) -> None:
    with house(tmp_path) as here, worker(tmp_path, broker_url=redis.url, render_processes=2) as parent:
        until(lambda: loaders(parent.pid) and len(pool_of(parent.pid)) == 2)
        before = set(pool_of(parent.pid))
        killed = set()
        for _ in range(3):
            until(lambda: set(loaders(parent.pid)) - killed)
            [loader] = set(loaders(parent.pid)) - killed
            here.upload(picture())
            os.kill(loader, signal.SIGKILL)
            killed.add(loader)
            here.upload(picture())
        wait_for_all(here)

        assert {image.state for image in here.catalogue.library.newest(6)} == {State.READY}
        assert set(pool_of(parent.pid)) == before  # no process of the pool had to be replaced


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_the_worker_whatever_its_cells_do(
    tmp_path: Path, redis: RedisServer, number: signal.Signals
) -> None:
    settings = {"broker_url": redis.url, "render_processes": 2, "render_seconds": 3600}
    with house(tmp_path) as here, worker(tmp_path, "tests.integration.poisoned_worker", **settings) as parent:
        until(lambda: loaders(parent.pid))
        [loader] = loaders(parent.pid)
        if number == signal.SIGKILL:  # a worker that is asked to end waits for its work
            image = here.upload(picture(HANGING_WIDTH, 10)).id
            until(lambda: here.catalogue.library.get(image).state is State.PROCESSING)
        until(lambda: len(children_of(loader)) == 2)
        left = [loader, *children_of(loader)]

        parent.send_signal(number)
        until(lambda: parent.poll() is not None)

        until(lambda: not any(command_line(process) for process in left))


def test_cells_end_with_their_process_of_the_pool(tmp_path: Path, redis: RedisServer) -> None:
    settings = {"broker_url": redis.url, "render_processes": 2, "render_seconds": 3600, "max_attempts": 1}
    with house(tmp_path) as here, worker(tmp_path, "tests.integration.poisoned_worker", **settings) as parent:
        until(lambda: loaders(parent.pid) and len(pool_of(parent.pid)) == 2)
        [loader] = loaders(parent.pid)
        until(lambda: len(children_of(loader)) == 2)
        cells = set(children_of(loader))
        for _ in range(2):
            image = here.upload(picture(HANGING_WIDTH, 10)).id
            until(lambda image=image: here.catalogue.library.get(image).state is State.PROCESSING)

        for process in pool_of(parent.pid):
            os.kill(process, signal.SIGKILL)

        until(lambda: not cells & set(children_of(loader)))
        here.upload(picture())
        wait_for_all(here)
        assert loaders(parent.pid) == [loader]
