"""
"201 means kept" as the kernel sees it: what real processes flush, and when, traced with strace.

A file that was written but not flushed is gone after a power cut, and no test that kills processes would notice.
"""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import needs
from tests.house import picture
from tests.running import LIMIT_S, Service, http_client, running_service, until
from vignette.settings import DEFAULT_RECIPES
from vignette.trials.processes import children_of

pytestmark = needs.traces()

_WRITES = ("write", "writev", "sendto", "sendmsg")
_CALLS = ("fsync", "fdatasync", "syncfs", "rename", "renameat", "renameat2", *_WRITES)


@dataclass(frozen=True)
class Call:
    """A system call: its thread, its place among all beginnings and ends, and what strace says of its arguments."""

    process: str
    name: str
    arguments: str
    begun: int
    ended: int


@contextmanager
def traced(service: Service, trace: Path, of: str = "granian") -> Iterator[None]:
    """Trace the children of a process of *service*, whose command line has the word *of*, into *trace*."""
    (parent,) = service.children(of)
    processes = [option for number in children_of(parent) for option in ("-p", str(number))]
    words = trace.with_suffix(".log")
    with words.open("wb") as stream:
        strace = subprocess.Popen(
            ["strace", "-f", "-yy", "-s", "32", "-e", f"trace={','.join(_CALLS)}", "-o", str(trace), *processes],
            stderr=stream,
        )
    try:
        until(lambda: "attached" in words.read_text() or strace.poll() is not None)
        yield
    finally:
        strace.send_signal(signal.SIGINT)  # it lets the processes go, and ends with their calls written
        strace.wait(LIMIT_S)


def calls(trace: Path) -> list[Call]:
    """The calls that succeeded. Those of several threads overlap: strace then writes their beginning and end apart."""
    found, begun = [], {}
    for place, line in enumerate(trace.read_text(errors="replace").splitlines()):
        if match := re.fullmatch(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>", line):
            begun[match[1]] = (match[3], place)
        elif match := re.fullmatch(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += \d+", line):
            arguments, start = begun.pop(match[1])
            found.append(Call(match[1], match[2], arguments + match[3], start, place))
        elif match := re.fullmatch(r"(\d+) +(\w+)\((.*)\) += \d+", line):
            found.append(Call(match[1], match[2], match[3], place, place))
    return found


def upload(service: Service) -> None:
    assert http_client.post(f"{service.url}/images", files={"file": ("a.jpg", picture())}).status_code == 201


def see_more(service: Service) -> None:
    """Have further calls traced: an answer is with its client before strace has written down that it was sent."""
    for _ in range(5):
        assert http_client.get(f"{service.url}/healthz").is_success


def test_everything_is_flushed_in_order_before_the_answer_leaves(tmp_path: Path) -> None:
    with running_service(tmp_path, web_processes=1) as service:
        upload(service)  # the first one makes files of SQLite's
        with traced(service, tmp_path / "trace"):
            upload(service)
            see_more(service)
        uploads, state = str(service.upload_folder), str(service.state_folder)
    made = calls(tmp_path / "trace")
    staging = rf"{re.escape(uploads)}/\.staging/[0-9a-f]{{32}}"

    def flush(path: str) -> Call:
        """The one flush of the file or folder whose path matches *path*."""
        (one,) = [c for c in made if c.name in ("fsync", "fdatasync") and re.fullmatch(rf"\d+<{path}>", c.arguments)]
        return one

    files = [flush(f"{staging}/{name}") for name in ("original", r"record\.json", r"metadata\.json", r"metadata\.txt")]
    folder = flush(staging)
    (promotion,) = [
        c
        for c in made
        if c.name.startswith("rename") and re.search(rf'{staging}".*"{re.escape(uploads)}/1"', c.arguments)
    ]
    root = flush(re.escape(uploads))
    row = flush(rf"{re.escape(state)}/catalogue\.sqlite3-wal")
    (answer,) = [c for c in made if c.name in _WRITES and "HTTP/1.1 201" in c.arguments and "TCP" in c.arguments]

    assert all(file.ended < folder.begun for file in files)
    assert folder.ended < promotion.begun
    assert promotion.ended < root.begun
    assert root.ended < row.begun
    assert row.ended < answer.begun


def test_a_rendering_waits_for_no_flush_and_all_of_them_are_flushed_at_once(tmp_path: Path) -> None:
    with running_service(tmp_path, web_processes=1, render_processes=1) as service:
        # The pool has one process, another one sweeps, and one forks those that decode.
        until(lambda: [len(children_of(worker)) for worker in service.children("celery")] == [3])
        with traced(service, tmp_path / "trace", of="celery"):
            for _ in range(3):
                upload(service)
            until(lambda: asked(service, "SELECT count(*) FROM image WHERE state = 'ready'") == 3)
            until(lambda: asked(service, "SELECT count(*) FROM unflushed") == 0)
        uploads = str(service.upload_folder)
    made = calls(tmp_path / "trace")

    written = [
        c for c in made if c.name.startswith("rename") and re.search(rf"<{re.escape(uploads)}/[012]>", c.arguments)
    ]
    flushes = [c for c in made if c.name in ("fsync", "fdatasync")]
    assert len([call for call in written if ', "vignette-' in call.arguments]) == 3 * sum(
        len(recipe.formats) for recipe in DEFAULT_RECIPES
    )
    # Once for each size, when it is there.
    assert len([call for call in written if ', "outcome.json"' in call.arguments]) == 3 * len(DEFAULT_RECIPES)
    assert [c for c in flushes if uploads in c.arguments] == []
    processes = {c.process for c in written}
    # It makes a dozen commits. Now and then one of them fills SQLite's log, which is carried over into the database:
    # whoever that meets flushes the log before, and the database after.
    assert len([c for c in flushes if c.process in processes]) <= 2
    *_, last = [c for c in made if c.name == "syncfs" and f"<{uploads}>" in c.arguments]
    assert max(c.ended for c in written) < last.begun


def asked(service: Service, question: str) -> int:
    with closing(sqlite3.connect(service.state_folder / "catalogue.sqlite3")) as connection:
        return int(connection.execute(question).fetchone()[0])


def test_with_fast_durability_nothing_is_flushed(tmp_path: Path) -> None:
    with running_service(tmp_path, web_processes=1, durability="fast") as service:
        upload(service)
        with traced(service, tmp_path / "trace"):
            upload(service)
            see_more(service)
    made = calls(tmp_path / "trace")

    assert [c for c in made if c.name in ("fsync", "fdatasync")] == []
    assert [c for c in made if c.name.startswith("rename")]
