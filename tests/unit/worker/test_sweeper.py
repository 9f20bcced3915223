"""How the worker's parent keeps the process that sweeps. Each test keeps a real one, which notes what it hears."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.running import until
from vignette.worker.notes import Pulse, Stopping, to_line
from vignette.worker.sweeper import Sweeper

PROCESS = """
import os, sys
os.chdir(os.environ["PWD"])
print(os.getpid(), file=open("starts", "a"), flush=True)
os.write(1, b".")
for line in sys.stdin:
    print(line, end="", file=open("told", "a"), flush=True)
"""


def a_sweeper(folder: Path, *, longest_sweep_s: float = 60) -> Sweeper:
    command, environment = (sys.executable, "-c", PROCESS), dict(os.environ, PWD=str(folder))
    work = partial(os.execve, sys.executable, command, environment)
    return Sweeper(command, environment, work=work, longest_sweep_s=longest_sweep_s)


@pytest.fixture(params=["fresh", "forked"])
def sweeper(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sweeper]:
    sweeper = a_sweeper(tmp_path)
    if request.param == "forked":
        sweeper.fork()
    yield sweeper
    sweeper.stop()


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_it_runs_once_it_is_kept(sweeper: Sweeper, tmp_path: Path) -> None:
    sweeper.keep()
    until(lambda: lines(tmp_path / "starts"))

    for _ in range(3):
        sweeper.keep()

    assert len(lines(tmp_path / "starts")) == 1


def test_a_fork_that_was_never_kept_ends_and_has_not_begun(tmp_path: Path) -> None:
    sweeper = a_sweeper(tmp_path)
    sweeper.fork()

    sweeper.stop()

    assert lines(tmp_path / "starts") == []
    assert multiprocessing.active_children() == []


def test_it_is_told_notes_and_stops_when_it_has_read_them(sweeper: Sweeper, tmp_path: Path) -> None:
    sweeper.keep()
    sweeper.tell(Pulse(3, 0.5))

    sweeper.stop()

    assert (tmp_path / "told").read_bytes() == to_line(Pulse(3, 0.5)) + to_line(Stopping())
    sweeper.keep()
    assert len(lines(tmp_path / "starts")) == 1


def test_one_that_died_is_started_again(sweeper: Sweeper, tmp_path: Path) -> None:
    sweeper.keep()
    until(lambda: lines(tmp_path / "starts"))

    os.kill(int(lines(tmp_path / "starts")[0]), signal.SIGKILL)

    def is_there_again() -> bool:
        sweeper.keep()
        return len(lines(tmp_path / "starts")) == 2

    until(is_there_again)


def test_one_that_hangs_is_started_again(tmp_path: Path) -> None:
    sweeper = a_sweeper(tmp_path, longest_sweep_s=3)
    sweeper.fork()
    sweeper.keep()
    until(lambda: lines(tmp_path / "starts"))

    def is_there_again() -> bool:
        sweeper.keep()
        return len(lines(tmp_path / "starts")) == 2

    until(is_there_again)
    sweeper.stop()


def test_a_note_that_it_cannot_take_is_lost_and_holds_nobody_up(sweeper: Sweeper, tmp_path: Path) -> None:
    sweeper.tell(Pulse(1, 0))  # it does not run yet
    sweeper.keep()
    until(lambda: lines(tmp_path / "starts"))
    number = int(lines(tmp_path / "starts")[0])
    os.kill(number, signal.SIGSTOP)

    for _ in range(10_000):  # more than a pipe holds
        sweeper.tell(Pulse(1, 0))

    os.kill(number, signal.SIGKILL)
    sweeper.tell(Pulse(1, 0))


def test_a_child_that_is_forked_has_no_end_of_its_pipes(sweeper: Sweeper) -> None:
    sweeper.keep()

    def pipes() -> int:
        return sum(os.readlink(entry).startswith("pipe:") for entry in _descriptors())  # noqa: PTH115

    before, (reader, writer) = pipes(), os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, str(pipes()).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert int(os.read(reader, 10)) == before + 2 - 2  # less the two of the sweeper, and these two more
    os.close(reader)
    os.close(writer)


def _descriptors() -> Iterator[str]:
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        if os.path.islink(f"/proc/self/fd/{name}"):  # noqa: PTH114 (that of the listing itself is gone)
            yield f"/proc/self/fd/{name}"
