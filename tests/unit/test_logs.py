"""One line for each thing that happened, whatever stands in it."""

from __future__ import annotations

import fcntl
import json
import logging
import multiprocessing
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice, takewhile
from select import PIPE_BUF
from typing import Final

import pytest

from vignette.lines import REQUEST, Batches, escaped, quoted, write_line
from vignette.logs import formatter
from vignette.model import LogFormat

FORMATS: Final[tuple[LogFormat, ...]] = ("text", "json")

# What ends a line, moves a cursor, turns the direction of text, or ends a string, somewhere.
HOSTILE: Final = {
    "line feed": "a\nb",
    "carriage return": "a\rb",
    "both": "a\r\n2026-01-01T00:00:00.000Z info    request status=200",
    "next line": "a\x85b",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
    "vertical tab": "a\vb",
    "escape": "\x1b[2J\x1b]0;title\x07",
    "quotes": '", "level": "error", "x": "',
    "backslash": "a\\nb\\",
    "bidi": "\u202egnp.exe\u2066",
    "nul": "a\0b",
    "delete": "\x7f\x9b",
    "surrogate": "a\udc80b",
    "long": "\n" * 100_000,
    "beyond ASCII": "été 🦡",
}


@pytest.fixture(autouse=True)
def outside_any_request() -> Iterator[None]:
    """Whoever answered a request in this thread before has left its number behind."""
    token = REQUEST.set("")
    yield
    REQUEST.reset(token)


def record(words: str, *arguments: object, **extra: object) -> logging.LogRecord:
    return logging.getLogger("vignette.test").makeRecord(
        "vignette.test", logging.WARNING, __file__, 1, words, arguments, None, extra=extra
    )


def is_one_line(line: str) -> bool:
    return len(line.splitlines()) == 1 and line.isprintable() and len(line.encode()) < PIPE_BUF


@pytest.mark.parametrize("log_format", FORMATS)
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_whatever_stands_in_it_an_entry_is_one_line(log_format: LogFormat, hostile: str) -> None:
    line = formatter(log_format).format(record("image %s: " + hostile.replace("%", "%%"), hostile, value=hostile))

    assert is_one_line(line)
    if log_format == "json":
        entry = json.loads(line)
        assert entry["level"] == "warning"
        assert entry["value"] in (hostile, f"{hostile[:200]}…")
    else:
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning image ", line)


def test_in_text_it_is_words_and_values() -> None:
    line = formatter("text").format(record("image %s", "kept", image=5, colour="a b"))

    assert re.fullmatch(rf'\S+Z warning image kept image=5 colour="a b" logger=vignette\.test pid={os.getpid()}', line)


@pytest.mark.parametrize("log_format", FORMATS)
def test_an_entry_that_belongs_to_a_request_says_so(log_format: LogFormat) -> None:
    REQUEST.set("f00-7")
    line = formatter(log_format).format(record("image received"))

    assert "f00-7" in line
    REQUEST.set("")
    assert "request" not in formatter(log_format).format(record("image received"))


def failing_record(message: str) -> logging.LogRecord:
    try:
        raise ValueError(message)
    except ValueError:
        failing = record("it failed")
        failing.exc_info = sys.exc_info()
        return failing


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_traceback_looks_like_no_other_entry(hostile: str) -> None:
    first, *others = formatter("text").format(failing_record(hostile)).split("\n")

    assert is_one_line(first)
    assert others
    assert all(line.startswith("    ") and line.isprintable() for line in others)
    assert is_one_line(formatter("json").format(failing_record("a\nb")))
    assert "ValueError" in json.loads(formatter("json").format(failing_record(hostile[:100])))["exception"]


def test_lines_of_several_processes_do_not_stand_in_each_other() -> None:
    """On a pipe, which is where a service manager listens."""
    word = "x" * 3000
    program = (
        "from vignette.lines import Batches, write_line\nbatches = Batches(1)\n"
        f"for n in range(100): write_line(f'{{n}} {word}', 1)\n"
        f"for n in range(100, 300): batches.write(f'{{n}} {word[: 3000 // 2]}')\n"
    )
    reader, writer = os.pipe()
    children = [subprocess.Popen([sys.executable, "-c", program], stdout=writer) for _ in range(3)]
    os.close(writer)
    with os.fdopen(reader) as lines:
        read = lines.read().splitlines()
    assert [child.wait() for child in children] == [0, 0, 0]

    expected = [f"{number} {word if number < 100 else word[:1500]}" for number in range(300)]
    assert sorted(read) == sorted(expected * 3)


def test_a_log_that_is_gone_stops_nobody() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    write_line("nobody reads this", writer)

    os.close(writer)


def test_what_is_plain_is_shown_as_it_is() -> None:
    assert quoted("/vignette/5") == "/vignette/5"
    assert quoted("été") == '"\\u00e9t\\u00e9"'
    assert quoted("") == '""'
    assert escaped("été\n\\") == "été\\n\\\\"


def test_a_log_that_takes_nothing_holds_nobody_up_and_says_what_is_lost() -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BUF)
    batches = Batches(writer)

    for number in range(30_000):  # more than the pipe and the memory take
        batches.write(f"line {number}")
    with os.fdopen(reader) as lines:
        read = list(takewhile(lambda line: "were lost" not in line, lines))

    assert "line 29999\n" in read
    assert len(read) < 30_000


def test_records_hold_nobody_up_either_and_come_when_the_log_is_read_again() -> None:
    """Nor the end of the process."""
    program = (
        "import logging, sys\nfrom vignette.logs import set_up_logs\nset_up_logs('text')\n"
        "for number in range(2000): logging.getLogger('test').info('record %d', number)\n"
        "print('went on', flush=True)\nsys.stdin.read()\n"
    )
    reader, writer = os.pipe()
    command = [sys.executable, "-c", program]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=writer)
    os.close(writer)
    assert child.stdout
    try:
        assert select.select([child.stdout], [], [], 30)[0], "the process waits for its log"
        with os.fdopen(reader) as lines:
            read = list(islice(lines, 2000))
            child.communicate(timeout=30)
    finally:
        child.kill()
        child.wait()
    assert [line.split("record ")[1].split()[0] for line in read] == [str(number) for number in range(2000)]


def status_where_nobody_reads(program: str) -> int:
    """Run *program* with a pipe as its standard error that nobody reads, and return its exit status."""
    reader, writer = os.pipe()
    child = subprocess.Popen([sys.executable, "-c", program], stderr=writer)
    try:
        return child.wait(timeout=30)
    finally:
        child.kill()
        child.wait()
        os.close(reader)
        os.close(writer)


def test_a_process_ends_although_nobody_reads_its_log() -> None:
    program = (
        "import logging\nfrom vignette.logs import set_up_logs\nset_up_logs('text')\n"
        "for number in range(2000): logging.getLogger('test').info('record %d', number)\n"
    )
    assert status_where_nobody_reads(program) == 0


@pytest.mark.parametrize("log_format", FORMATS)
def test_words_for_the_person_who_started_us_hold_nobody_up(log_format: LogFormat) -> None:
    program = (
        "import os\nfrom vignette.running.words import say\nos.set_blocking(2, False)\n"
        "try:\n    while True: os.write(2, bytes(4096))\nexcept BlockingIOError: os.set_blocking(2, True)\n"
        f"say('a child has ended', {log_format!r})\n"
    )
    assert status_where_nobody_reads(program) == 0


def test_a_record_with_a_long_traceback_is_written_whole() -> None:
    program = (
        "import logging\nfrom vignette.logs import set_up_logs\nset_up_logs('text')\n"
        "try: raise ValueError('x' * 11000)\nexcept ValueError: logging.getLogger('test').exception('it failed')\n"
        "import os; os._exit(0)\n"
    )
    written = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, check=True, timeout=60).stderr
    assert b"x" * 11000 in written


def test_a_forked_process_writes_its_own_lines_and_none_of_its_parent() -> None:
    reader, writer = os.pipe()
    batches = Batches(writer)
    batches.write("parent")

    context = multiprocessing.get_context("fork")
    child = context.Process(target=batches.write, args=("child",))
    child.start()
    child.join()
    batches.flush()

    assert child.exitcode == 0
    assert sorted(os.read(reader, 100).decode().split()) == ["child", "parent"]
    os.close(reader)
    os.close(writer)
