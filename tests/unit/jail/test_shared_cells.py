"""Cells of several processes, forked from one zygote: who shares what, who ends with whom, who waits for whom."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.needs import LINUX
from tests.running import LIMIT_S, PROJECT_FOLDER, until
from tests.unit.jail.test_cells import is_gone
from vignette.trials.processes import children_of, command_line

pytestmark = LINUX

WORK = "tests.unit.jail.works:do"
KILLS = 30


class Fork:
    """A fork of the process that shares, which has cells of its own."""

    def __init__(self, number: int, path: Path) -> None:
        self.number = number
        until(path.exists)
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.settimeout(LIMIT_S)
        self._connection.connect(os.fspath(path))
        self._answers = self._connection.makefile()

    def begin(self, piece: dict[str, Any]) -> None:
        self._connection.sendall(json.dumps(piece).encode() + b"\n")

    def answer(self) -> Any:
        return json.loads(self._answers.readline())

    def run(self, piece: dict[str, Any]) -> Any:
        self.begin(piece)
        return self.answer()

    def look(self) -> dict[str, Any]:
        seen: dict[str, Any] = self.run({"do": "look"})
        return seen

    def send(self, number: signal.Signals) -> None:
        os.kill(self.number, number)

    def close(self) -> None:
        self._answers.close()
        self._connection.close()


class Sharer:
    """The process that shares its cells with its forks: `tests.unit.jail.sharer`."""

    def __init__(self, folder: Path, work: str) -> None:
        self._folder = folder
        self._forks: list[Fork] = []
        self.words = folder / "words"
        with self.words.open("wb") as words:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.unit.jail.sharer", folder, work],
                cwd=PROJECT_FOLDER,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
                text=True,
            )

    def fork(self) -> Fork:
        number = int(self._told("fork"))
        self._forks.append(Fork(number, self._folder / str(number)))
        return self._forks[-1]

    def keep(self, count: int = 1) -> None:
        assert self._told(f"keep {count}") == "kept"

    def zygotes(self) -> list[int]:
        children = children_of(self.process.pid)
        return [child for child in children if "vignette.jail.zygote" in command_line(child) and not is_gone(child)]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream
            stream.close()
        for fork in self._forks:
            fork.close()
            if not is_gone(fork.number):
                fork.send(signal.SIGKILL)

    def _told(self, order: str) -> str:
        assert self.process.stdin
        assert self.process.stdout
        print(order, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()


@contextmanager
def sharing(folder: Path, work: str = WORK) -> Iterator[Sharer]:
    sharer = Sharer(folder, work)
    try:
        yield sharer
    finally:
        sharer.end()


@pytest.fixture
def sharer(tmp_path: Path) -> Iterator[Sharer]:
    with sharing(tmp_path) as sharer:
        yield sharer


def sockets(seen: dict[str, Any]) -> list[str]:
    return [target for _, target in seen["held"] if target.startswith("socket:")]


def cells_of(zygote: int) -> list[int]:
    return [cell for cell in children_of(zygote) if not is_gone(cell)]


def test_forks_share_what_imports_and_no_cell(sharer: Sharer) -> None:
    first, second = sharer.fork(), sharer.fork()
    seen = [fork.look() for fork in (first, second, first, second)]

    assert {one["zygote"] for one in seen} == set(sharer.zygotes())
    assert seen[0]["pid"] == seen[2]["pid"] != seen[1]["pid"] == seen[3]["pid"]


def test_a_cell_holds_nothing_of_other_owners_or_of_the_reception(sharer: Sharer) -> None:
    forks = [sharer.fork() for _ in range(3)]
    seen = [fork.look() for fork in forks]

    for one in seen:
        kinds = [target.split(":")[0] for _, target in one["held"] if not target.startswith("/proc/")]
        assert kinds == ["/dev/null"] * 3 + ["socket"]
        assert one["environment"] == ""
    assert len({socket for one in seen for socket in sockets(one)}) == 3


def test_cells_end_with_their_owner_and_no_others(sharer: Sharer, tmp_path: Path) -> None:
    first, second = sharer.fork(), sharer.fork()
    waiting, others = first.look(), second.look()
    first.begin({"do": "sleep", "begun": os.fspath(tmp_path / "begun")})
    until((tmp_path / "begun").exists)
    second.look()

    first.send(signal.SIGKILL)

    until(lambda: is_gone(waiting["pid"]))
    assert second.look()["pid"] == others["pid"]
    # Its spare cell is gone, too, and none is left to be waited for.
    until(lambda: len(children_of(others["zygote"])) == 2)


def test_all_cells_end_with_the_process_that_shares_though_its_forks_live_on(sharer: Sharer) -> None:
    fork = sharer.fork()
    seen = fork.look()

    sharer.process.kill()

    until(lambda: is_gone(seen["zygote"]) and is_gone(seen["pid"]))
    assert not is_gone(fork.number)
    assert fork.run({"do": "look"}) == "NoCell"


def test_others_do_not_wait_for_an_owner_that_is_frozen(sharer: Sharer, tmp_path: Path) -> None:
    frozen, other = sharer.fork(), sharer.fork()
    frozen.begin({"do": "sleep", "begun": os.fspath(tmp_path / "begun")})
    until((tmp_path / "begun").exists)
    frozen.send(signal.SIGSTOP)

    for _ in range(10):
        assert other.run({"do": "crash"}) == "CellDied"  # each takes two new cells
    assert other.look()["pid"] > 0


def test_a_zygote_that_was_killed_is_replaced_for_all(sharer: Sharer) -> None:
    forks = [sharer.fork(), sharer.fork()]
    before = [fork.look() for fork in forks]
    [zygote] = sharer.zygotes()

    os.kill(zygote, signal.SIGKILL)
    until(lambda: is_gone(zygote) and all(is_gone(one["pid"]) for one in before))
    for fork in forks:
        fork.begin({"do": "look"})  # while there is none
    until(lambda: sharer.keep() or sharer.zygotes())

    after = [fork.answer() for fork in forks]
    assert {one["zygote"] for one in after} == set(sharer.zygotes()) != {zygote}


def test_a_zygote_that_hangs_is_replaced(sharer: Sharer) -> None:
    fork = sharer.fork()
    zygote = fork.look()["zygote"]

    os.kill(zygote, signal.SIGSTOP)
    sharer.keep(100)
    until(lambda: is_gone(zygote))
    until(lambda: sharer.keep() or sharer.zygotes())

    assert fork.look()["zygote"] != zygote


def test_one_that_answers_each_look_is_left_alone(sharer: Sharer) -> None:
    fork = sharer.fork()
    zygote = fork.look()["zygote"]
    for _ in range(4):
        sharer.keep(50)
        fork.run({"do": "crash"})  # it ends a cell, and answers before that
    assert sharer.zygotes() == [zygote]
    assert "hangs" not in sharer.words.read_text()


def test_one_that_cannot_start_is_not_started_over_and_over(tmp_path: Path) -> None:
    with sharing(tmp_path, "tests.unit.jail.nowhere:do") as sharer:
        until(lambda: "ModuleNotFoundError" in sharer.words.read_text() and not sharer.zygotes())
        sharer.keep(100)

        assert sharer.words.read_text().count("ended (1): starting another") == 1
        assert sharer.zygotes() == []


def test_kills_at_any_instant_leave_nothing_and_harm_nobody(sharer: Sharer) -> None:
    """The forks that are killed are starting, ask for their first cell, have one at work, or one that crashes."""
    random = Random(7)
    steady = sharer.fork()
    zygote = steady.look()["zygote"]
    held = len(os.listdir(f"/proc/{zygote}/fd"))  # noqa: PTH208 (numbers)

    for number in range(KILLS):
        fork = sharer.fork()
        fork.begin({"do": "crash"} if number % 3 == 0 else {"do": "look"})
        if number % 2:
            fork.begin({"do": "spin"})
        time.sleep(random.random() * 0.03)  # the instant is what is tried
        fork.send(signal.SIGKILL)
        steady.look()

    assert steady.look()["zygote"] == zygote
    until(lambda: len(children_of(zygote)) == 2)  # the cell of the one that is left, and its spare
    until(lambda: len(os.listdir(f"/proc/{zygote}/fd")) == held)  # noqa: PTH208
