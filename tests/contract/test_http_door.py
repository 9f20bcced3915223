"""Files that hold up their check: the client is told why, and nobody else notices. The checks run in real processes."""

from __future__ import annotations

import codecs
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests import misbehaving
from tests.house import House, picture
from tests.running import LIMIT_S, PROJECT_FOLDER, until
from vignette.adapters.door.door import LIMITS as LIMITS_OF_THE_DOOR
from vignette.adapters.door.door import Door
from vignette.jail.cells import CellLimits, CellPool
from vignette.jail.sandbox import abilities
from vignette.limits import MIB
from vignette.trials.processes import children_of, command_line

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel limits memory on Linux only")

MISBEHAVING = "tests.misbehaving:inspect_or_misbehave"
LIMITS = CellLimits(cpu_s=0.5, life_cpu_s=30, memory_bytes=64 * MIB)


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    door = Door(work=MISBEHAVING, limits=LIMITS, wall_s=LIMIT_S)
    yield door
    door.close()


@pytest.fixture
def house(tmp_path: Path, door: Door) -> Iterator[House]:
    house = House(tmp_path, inspector=door)
    yield house
    house.close()


def send(house: House, content: bytes) -> TestResponse:
    return house.app.test_client().post("/images", data=content, content_type="application/octet-stream")


def problem(answer: TestResponse) -> tuple[int, str, int | None, str]:
    said: dict[str, Any] = answer.get_json(force=True)
    return answer.status_code, said["type"].rsplit("/", 1)[-1], said.get("limit"), said["detail"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            misbehaving.SPINS,
            (
                422,
                "too-long-to-check",
                1,
                "the check needs more than the 0.5 seconds of processor time that it may take",
            ),
            id="spins",
        ),
        pytest.param(
            misbehaving.EATS,
            (422, "too-much-memory", 64 * MIB, "the check needs more than the 64 MiB of memory that it may take"),
            id="eats",
        ),
        *(
            pytest.param(
                content,
                (422, "not-checkable", None, "the check of the file ended without a result"),
                id=content.decode(),
            )
            for content in (
                misbehaving.CRASHES,
                misbehaving.ERRS,
                *(b"%s%d" % (misbehaving.LIES, number) for number in range(len(misbehaving.LYING_FACTS))),
                *(b"%s%d" % (misbehaving.RAVES, number) for number in range(len(misbehaving.RAVINGS))),
            )
        ),
    ],
)
def test_the_client_is_told_and_the_next_file_is_taken(
    house: House, content: bytes, expected: tuple[int, str, int | None, str]
) -> None:
    assert problem(send(house, content)) == expected
    assert send(house, picture()).status_code == 201
    assert house.is_clean()


def test_a_check_without_an_end_is_ended_and_the_file_may_come_again(tmp_path: Path) -> None:
    door = Door(work=MISBEHAVING, limits=LIMITS, wall_s=1)
    house = House(tmp_path, inspector=door)
    try:
        answer = send(house, misbehaving.SLEEPS)
        assert problem(answer) == (503, "overloaded", 1, "the check had no result within 1 seconds")
        assert "Retry-After" in answer.headers
        until(lambda: send(house, picture()).status_code == 201)
    finally:
        house.close()
        door.close()


def test_a_disk_that_fails_is_no_fault_of_the_file(house: House) -> None:
    status, kind, _, words = problem(send(house, misbehaving.CANNOT_BE_READ))
    assert (status, kind) == (503, "store-unavailable")
    assert "cannot be read back" in words


def test_another_client_does_not_wait_for_a_file_that_does(tmp_path: Path) -> None:
    door = Door(work=MISBEHAVING, limits=LIMITS, wall_s=LIMIT_S)
    house = House(tmp_path, inspector=door)
    assert send(house, picture()).status_code == 201  # by now there is a cell
    with ThreadPoolExecutor(1) as threads:
        sleeping: Future[TestResponse] = threads.submit(send, house, misbehaving.SLEEPS)
        until(lambda: not house.is_clean())
        assert [send(house, picture()).status_code for _ in range(3)] == [201] * 3
        assert not sleeping.done()
        door.close()
        assert sleeping.result().status_code == 503
    house.close()


def test_a_door_that_was_killed_while_nobody_came_is_there_for_the_next(house: House) -> None:
    assert send(house, picture()).status_code == 201
    zygote = next(child for child in children_of(os.getpid()) if "vignette.jail.zygote" in command_line(child))
    door = [zygote, *children_of(zygote)]
    os.kill(zygote, signal.SIGKILL)
    until(lambda: not any(map(command_line, door)))  # what has ended has none, whoever has noticed
    assert send(house, picture()).status_code == 201
    assert zygote not in children_of(os.getpid())


@pytest.mark.skipif(not abilities().seccomp, reason="needs a kernel with seccomp, on x86_64 or aarch64")
def test_a_process_of_the_door_reaches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("a password")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        CellPool("tests.unit.jail.works:do", LIMITS_OF_THE_DOOR, cells=1, pieces=9, wall_s=60, wait_s=60) as pool,
    ):
        tried = pool.run({"do": "break out", "file": os.fspath(path), "port": server.getsockname()[1]}).values
        seen = pool.run({"do": "who"}).values
    assert len(tried) == 7
    assert set(tried.values()) <= {"EPERM", "EACCES"}, tried
    assert path.read_text() == "a password"
    assert 0 not in seen["users"]


def test_all_encodings_and_tables_are_loaded_before_a_process_can_load_nothing() -> None:
    folder = PROJECT_FOLDER / "vignette" / "pixels"
    literals = re.compile(r'"((?:ascii|latin|utf|cp|mac|shift|iso|euc|big5|gb)[\w-]*)"')
    sources = [*folder.glob("metadata/**/*.py"), *folder.glob("containers/**/*.py")]
    names = sorted({name for source in sources for name in literals.findall(source.read_text()) if _is_encoding(name)})
    assert {"latin-1", "shift_jis", "utf-16-be"} <= set(names)
    script = """
        import sys
        import vignette.adapters.door.inspecting
        from vignette.pixels.metadata.makers.lens_names import table
        before = set(sys.modules)
        for name in sys.argv[1:]: b"ab12".decode(name, errors="replace")
        print(sorted(set(sys.modules) - before), table.cache_info().currsize)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), *names]
    done = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True)
    assert done.stdout == f"[] {len(list(folder.glob('metadata/makers/lenses/*')))}\n"


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def test_a_door_that_does_not_start_is_no_fault_of_the_file(tmp_path: Path) -> None:
    door = Door(work="tests.nowhere:inspect")
    house = House(tmp_path, inspector=door)
    try:
        assert problem(send(house, picture())) == (503, "overloaded", None, "the file cannot be checked now")
        assert house.is_clean()
    finally:
        house.close()
        door.close()


def test_a_profile_whose_tags_share_one_long_text_holds_up_nobody(tmp_path: Path) -> None:
    door = Door()
    house = House(tmp_path, inspector=door)
    try:
        assert send(house, picture()).status_code == 201
        with ThreadPoolExecutor(1) as threads:
            hostile = threads.submit(send, house, _png_with_profile(_profile_of_shared_texts()))
            assert send(house, picture()).status_code == 201
            status = hostile.result().status_code
        assert status in (201, 422)
        assert send(house, picture()).status_code == 201
    finally:
        house.close()
        door.close()


def _profile_of_shared_texts(tags: int = 256, languages: int = 256, text_bytes: int = 65536) -> bytes:
    """An ICC profile (ICC.1:2022) of which each tag and each language is the same text: each is read anew."""
    text = struct.pack(">4s4xII", b"mluc", languages, 12)
    text += b"".join(
        struct.pack(">2s2sII", b"%c%c" % (65 + number // 26, 65 + number % 26), b"XX", text_bytes, 0)
        for number in range(languages)
    )
    text += b"\xd8\x00" * ((text_bytes - len(text)) // 2)
    start = 132 + 12 * tags
    table = b"".join(struct.pack(">4sII", b"desc", start, len(text)) for _ in range(tags))
    header = struct.pack(">I4xB3x4s4s4s12x4s88x", start + len(text), 4, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return header + struct.pack(">I", tags) + table + text


def _png_with_profile(profile: bytes) -> bytes:
    content = picture(file_format="PNG")
    body = b"iCCP" + b"x\0\0" + zlib.compress(profile, 9)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    after_header = 8 + 25
    return content[:after_header] + chunk + content[after_header:]
