"""Work in processes of its own: what ends a cell, what its owner is told, and that nobody else feels it."""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.needs import SECCOMP
from tests.running import LIMIT_S, PROJECT_FOLDER, until
from vignette.errors import BrokenImage
from vignette.jail.cells import (
    CellDied,
    CellLimits,
    CellPool,
    CellTrouble,
    NoCell,
    OutOfMemory,
    OutOfProcessorTime,
    OutOfTime,
)
from vignette.limits import MIB

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks at processes as only Linux tells of them")

WORK = "tests.unit.jail.works:do"
LIMITS = CellLimits(cpu_s=0.2, life_cpu_s=30, memory_bytes=48 * MIB)


def pool_of(cells: int = 4, *, pieces: int = 100, wall_s: float = LIMIT_S, wait_s: float = LIMIT_S) -> CellPool:
    return CellPool(WORK, LIMITS, cells=cells, pieces=pieces, wall_s=wall_s, wait_s=wait_s, errors=[BrokenImage])


@pytest.fixture
def pool() -> Iterator[CellPool]:
    with pool_of() as pool:
        yield pool


def look(pool: CellPool) -> dict[str, Any]:
    return pool.run({"do": "look"}).values


def is_gone(process: int) -> bool:
    """Whether there is no such process, or one that only waits for its parent to look."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_piece_of_work_is_done_on_what_the_descriptor_holds(pool: CellPool, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"bytes of a stranger")
    with path.open("rb") as file:
        answer = pool.run({"do": "echo", "number": 7}, [file.fileno()], max_bytes=1000)
    assert answer.values == {"do": "echo", "number": 7}
    assert answer.blocks == (b"bytes of a stranger",)


def test_a_cell_holds_nothing_but_its_connection_and_what_it_was_given(
    pool: CellPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGNETTE_SECRET", "a password")
    path = tmp_path / "file"
    path.write_bytes(b"")
    ours, theirs = os.pipe()  # what a careless library leaves open
    os.set_inheritable(theirs, True)
    with path.open("rb") as file:
        seen = pool.run({"do": "look"}, [file.fileno()]).values
    for descriptor in (ours, theirs):
        os.close(descriptor)
    held = dict(seen["held"])
    listing = [number for number, target in held.items() if target.startswith("/proc/")]
    given = {number: held[number] for number in seen["given"]}
    rest = {number: target for number, target in held.items() if number not in (*given, *listing)}
    assert list(given.values()) == [os.fspath(path)]
    assert [target.split(":")[0] for target in rest.values()] == ["/dev/null"] * 3 + ["socket"]
    assert seen["environment"] == ""


def test_a_piece_leaves_no_descriptor_behind(pool: CellPool, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        pool.run({"do": "look"}, [file.fileno()])
    seen = look(pool)
    assert not [target for _, target in seen["held"] if target == os.fspath(tmp_path / "file")]


def test_an_answer_that_came_before_its_piece_answers_nothing() -> None:
    with pool_of(cells=1) as pool:
        assert pool.run({"do": "speak ahead"}).values == {"answers": "this piece"}
        idle = pool._idle[0].connection
        until(lambda: select.select([idle], [], [], 0)[0])

        for number in range(3):
            assert pool.run({"do": "echo", "number": number}).values["number"] == number


def test_an_error_of_ours_comes_back_as_itself(pool: CellPool) -> None:
    with pytest.raises(BrokenImage, match=r"^it has�7 bytes$") as caught:
        pool.run({"do": "refuse"})
    assert (caught.value.measured, caught.value.limit) == (7, 8)


def test_an_error_that_the_work_may_not_raise_is_none_of_its_words() -> None:
    with CellPool(WORK, LIMITS, cells=1, pieces=9, wall_s=LIMIT_S, wait_s=LIMIT_S) as pool, pytest.raises(CellDied):
        pool.run({"do": "refuse"})


@pytest.mark.parametrize(
    ("piece", "trouble", "words"),
    [
        ({"do": "spin"}, OutOfProcessorTime, "more than 0.2 s"),
        ({"do": "eat", "bytes": 64 * MIB}, OutOfMemory, "more than 48 MiB"),
        ({"do": "crash"}, CellDied, "signal 11"),
        ({"do": "bug"}, CellDied, "an oversight"),
    ],
)
def test_what_goes_too_far_is_ended_and_the_next_piece_is_done(
    pool: CellPool, piece: dict[str, Any], trouble: type[CellTrouble], words: str
) -> None:
    with pytest.raises(trouble, match=words):
        pool.run(piece)
    assert pool.run({"do": "eat", "bytes": 32 * MIB}).values == {"eaten": 32 * MIB}


@pytest.mark.parametrize("sandbox", ["none", pytest.param("one thread", marks=SECCOMP)])
@pytest.mark.parametrize("how", ["shared", "a stack", "page tables"])
def test_no_kind_of_memory_is_had_beyond_the_limit(how: str, sandbox: Literal["none", "one thread"]) -> None:
    """A cell that was taken over maps memory as no library does, and the kernel counts it elsewhere."""
    limits = replace(LIMITS, cpu_s=5, mapped_bytes=16 * MIB, sandbox=sandbox)
    with CellPool(WORK, limits, cells=1, pieces=9, wall_s=LIMIT_S, wait_s=LIMIT_S) as pool:
        answer = pool.run({"do": "grab", "how": how, "bytes": 96 * MIB})
    assert answer.values in ({"refused": "ENOMEM"}, {"refused": "EPERM"})


def test_a_limit_of_the_stack_cannot_be_raised_again(pool: CellPool) -> None:
    soft, hard = pool.run({"do": "limit", "which": resource.RLIMIT_STACK}).values["limit"]
    assert 0 < soft <= hard <= 8 * MIB


def test_what_sleeps_is_ended_after_a_time(tmp_path: Path) -> None:
    with pool_of(wall_s=1) as pool:
        with pytest.raises(OutOfTime, match="within 1 s"):
            pool.run({"do": "sleep", "begun": os.fspath(tmp_path)})
        seen = look(pool)
    assert seen["pid"] > 0


def test_a_cell_that_dies_once_is_tried_again(pool: CellPool, tmp_path: Path) -> None:
    assert pool.run({"do": "crash", "once": os.fspath(tmp_path / "once")}).values == {"survived": True}


def test_others_do_not_wait_for_what_spins_or_sleeps(pool: CellPool, tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        sleeping = [threads.submit(pool.run, {"do": "sleep", "begun": os.fspath(tmp_path / n)}) for n in "abc"]
        until(lambda: len(list(tmp_path.iterdir())) == 3)
        for _ in range(20):
            look(pool)
        assert not any(one.done() for one in sleeping)
        pool.close()  # ends them
        for one in sleeping:
            with pytest.raises(CellTrouble):
                one.result()


def test_who_finds_all_cells_at_work_waits_for_some_time_only(tmp_path: Path) -> None:
    with pool_of(cells=1, wait_s=0.1) as pool, ThreadPoolExecutor(1) as threads:
        sleeping = threads.submit(pool.run, {"do": "sleep", "begun": os.fspath(tmp_path / "begun")})
        until((tmp_path / "begun").exists)
        with pytest.raises(NoCell, match="all 1 cells are at work"):
            look(pool)
        pool.close()
        with pytest.raises(CellTrouble):
            sleeping.result()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(struct.pack("<II", 2**32 - 1, 0), id="long values"),
        pytest.param(struct.pack("<II", 2, 2**32 - 1), id="long blocks"),
        pytest.param(struct.pack("<II", 5, 0) + b"\x80\x04K\x07.", id="a pickle"),
        pytest.param(struct.pack("<II", 30_000, 0) + b"[" * 30_000, id="deep JSON"),
        *(
            pytest.param(struct.pack("<II", len(text), 3) + text + b"abc", id=text.decode())
            for text in (
                b"7",
                b"[]",
                b'[{"done": {}}, [-1, 4]]',
                b'[{"done": {}}, [true, 2]]',
                b'[{"done": {}}, [4]]',
                b'[{"done": 7}, [3]]',
                b'[{"error": {"code": "settings", "detail": ""}}, [3]]',
                b'[{"error": {"code": "broken-image", "detail": 7}}, [3]]',
                b'[{"error": {"code": "broken-image", "detail": "", "limit": "7"}}, [3]]',
                b'[{"error": {"code": "broken-image", "detail": "", "limit": 1e400}}, [3]]',
            )
        ),
    ],
)
def test_an_answer_that_is_none_is_not_believed(pool: CellPool, raw: bytes) -> None:
    found_out = "too long|not JSON|another shape|as long as the message says|must stand where"
    with pytest.raises(CellDied, match=found_out):
        pool.run({"do": "lie", "raw": raw.hex()}, max_bytes=1000)


def test_an_answer_that_drips_does_not_outlast_the_time() -> None:
    with pool_of(wall_s=1) as pool, pytest.raises(OutOfTime):
        pool.run({"do": "drip"}, max_bytes=1000)


def test_a_cell_does_as_many_pieces_as_it_may() -> None:
    with pool_of(cells=1, pieces=2) as pool:
        cells = [look(pool)["pid"] for _ in range(5)]
    assert cells[0] == cells[1] != cells[2] == cells[3] != cells[4]


def test_a_zygote_that_was_killed_is_started_again(pool: CellPool) -> None:
    before = look(pool)
    os.kill(before["zygote"], signal.SIGKILL)
    until(lambda: is_gone(before["zygote"]) and is_gone(before["pid"]))
    after = look(pool)
    assert after["zygote"] != before["zygote"]


def test_a_cell_that_was_killed_while_it_waited_is_replaced(pool: CellPool) -> None:
    before = look(pool)
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: is_gone(before["pid"]))
    after = look(pool)
    assert (after["pid"] != before["pid"], after["zygote"]) == (True, before["zygote"])


def test_signals_for_the_whole_service_leave_the_cells_to_their_owner(pool: CellPool) -> None:
    before = look(pool)
    for process in (before["pid"], before["zygote"]):
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            os.kill(process, number)
    assert look(pool)["pid"] == before["pid"]


def test_a_work_that_cannot_be_imported_is_no_cell_and_no_endless_start() -> None:
    with (
        CellPool("tests.unit.jail.nowhere:do", LIMITS, cells=1, pieces=1, wall_s=LIMIT_S, wait_s=LIMIT_S) as pool,
        pytest.raises(NoCell),  # which is no fault of the piece
    ):
        pool.run({})


OWNER = """
import json, os, sys, threading
from tests.unit.jail.test_cells import look, pool_of
pool = pool_of()
"""


def owner_of(script: str) -> subprocess.Popen[str]:
    """Run *script* as a process that owns a pool; its standard input stays open, for it to wait at."""
    return subprocess.Popen(
        [sys.executable, "-c", OWNER + textwrap.dedent(script)],
        cwd=PROJECT_FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_pool_that_nobody_closes_leaves_no_process_and_no_zombie() -> None:
    pool = pool_of()
    forker = look(pool)["zygote"]

    del pool
    gc.collect()

    assert not Path(f"/proc/{forker}").exists()


@pytest.mark.parametrize("end", ["its end", "SIGKILL"])
def test_no_process_is_left_when_the_owner_has_ended(end: str) -> None:
    # A thread starts the cells, and ends: they belong to the process.
    with owner_of("""
        threads = [threading.Thread(target=lambda: print(json.dumps(look(pool)), flush=True))]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        sys.stdin.read()
    """) as owner:
        assert owner.stdin
        assert owner.stdout
        seen = json.loads(owner.stdout.readline())
        assert not is_gone(seen["pid"])
        owner.kill() if end == "SIGKILL" else owner.stdin.close()
        owner.wait(LIMIT_S)
    until(lambda: is_gone(seen["pid"]) and is_gone(seen["zygote"]))


def test_a_fork_has_cells_of_its_own_and_holds_none_of_its_parent() -> None:
    with owner_of("""
        print(json.dumps(look(pool)), flush=True)
        ours, theirs = os.pipe()
        if os.fork() == 0:
            print(json.dumps(look(pool)), flush=True)
            os.close(theirs)
            os.read(ours, 1)  # live on until the parent has ended
            os._exit(0)
        print(json.dumps(look(pool)), flush=True)
        sys.stdin.readline()
        pool.close()
        print("closed", flush=True)
        sys.stdin.read()
    """) as owner:
        assert owner.stdin
        assert owner.stdout
        first = json.loads(owner.stdout.readline())
        seen = [json.loads(owner.stdout.readline()) for _ in range(2)]
        parents = next(one for one in seen if one["zygote"] == first["zygote"])
        childs = next(one for one in seen if one["zygote"] != first["zygote"])
        assert parents["pid"] == first["pid"]
        print(file=owner.stdin, flush=True)
        assert owner.stdout.readline() == "closed\n"
        until(lambda: is_gone(first["pid"]) and is_gone(first["zygote"]))
        assert not is_gone(childs["pid"])
        owner.stdin.close()
    until(lambda: is_gone(childs["pid"]) and is_gone(childs["zygote"]))


def test_many_threads_share_the_cells() -> None:
    with pool_of(cells=3, pieces=5) as pool, ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda n: pool.run({"do": "echo", "n": n}).values["n"], range(120)))
    assert answers == list(range(120))
