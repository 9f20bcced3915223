"""Children of one foreground process. Each test runs a real supervisor over real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import needs
from tests.running import LIMIT_S, PROJECT_FOLDER, processes_marked, until
from vignette.running.supervision import Backoff
from vignette.trials.processes import parent_of

pytestmark = needs.LINUX

# A child tells of itself in the file `diary`, once it has a trap: a signal may come right after its first words.
GOOD = 'trap "echo {0} stops >> diary; exit 0" TERM; echo "{0} starts" >> diary; while :; do sleep 0.02; done'
STUBBORN = 'trap "" TERM; echo "{0} starts" >> diary; while :; do sleep 0.02; done'

# Whoever runs the tests may have asked for a life beyond the terminal; a supervisor would inherit that.
HEEDING_HUP = ("env", "--default-signal=HUP")

PROGRAM = """
import os, signal, sys
from pathlib import Path
from vignette.running.supervision import CannotStart, Child, Supervisor

folder = Path.cwd()

def say(line):
    print(line, file=sys.stderr, flush=True)

def child(name, script, **options):
    options = {{"grace_s": 20}} | options
    return Child(name=name, argv=("/bin/sh", "-c", script), env=os.environ, folder=folder, **options)

def written(file):
    return lambda: (folder / file).exists()

{setup}
try:
    Supervisor([{children}], say{options}).run(lambda: say("up"))
except CannotStart as error:
    say(f"cannot start: {{error}}")
    sys.exit(1)
"""


@dataclass
class Run:
    """A supervisor that runs, in a folder of its own."""

    process: subprocess.Popen[bytes]
    folder: Path
    mark: str

    def diary(self) -> list[str]:
        file = self.folder / "diary"
        return file.read_text().splitlines() if file.exists() else []

    def words(self) -> str:
        return (self.folder / "words").read_text()

    def until_up(self) -> None:
        until(lambda: "up\n" in self.words())

    def number(self, file: str) -> int:
        """The process number that a child writes to *file*."""
        until(lambda: (self.folder / file).exists() and (self.folder / file).read_text().endswith("\n"))
        return int((self.folder / file).read_text())

    def processes(self) -> dict[int, str]:
        return processes_marked(self.mark)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(LIMIT_S)


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs = []

    def start(*children: str, setup: str = "", options: str = "", prefix: tuple[str, ...] = HEEDING_HUP) -> Run:
        mark = uuid.uuid4().hex
        program = PROGRAM.format(children=", ".join(children), setup=setup, options=options)
        with (tmp_path / "words").open("wb") as words:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-c", program],
                cwd=tmp_path,
                env=os.environ | {"PYTHONPATH": str(PROJECT_FOLDER), "VIGNETTE_TEST_MARK": mark},
                stderr=words,
            )
        runs.append(Run(process, tmp_path, mark))
        return runs[-1]

    yield start

    for run in runs:
        run.process.kill()
        run.process.wait()
        for number in run.processes():
            with suppress(ProcessLookupError):  # it may be ending by itself
                os.kill(number, signal.SIGKILL)


def good(name: str, options: str = "") -> str:
    return f"child({name!r}, {GOOD.format(name)!r}{options and ', ' + options})"


def stubborn(name: str, options: str = "") -> str:
    return f"child({name!r}, {STUBBORN.format(name)!r}{options and ', ' + options})"


# Start


def test_a_child_starts_when_the_one_before_it_is_ready(supervise):
    run = supervise(good("first", "is_ready=written('go')"), good("second"))
    until(lambda: run.diary() == ["first starts"])

    time_of_ready = time.time_ns()
    (run.folder / "go").touch()
    run.until_up()

    until(lambda: run.diary() == ["first starts", "second starts"])
    assert (run.folder / "diary").stat().st_mtime_ns > time_of_ready


def test_a_child_that_ends_before_it_is_ready_stops_the_start(supervise):
    run = supervise(good("first"), "child('second', 'exit 3', is_ready=written('never'))", good("third"))

    assert run.process.wait(LIMIT_S) == 1
    assert run.words() == "cannot start: the second ended (exit status 3) at start\n"
    assert "third starts" not in run.diary()
    assert run.processes() == {}


def test_a_child_that_is_never_ready_stops_the_start_in_the_end(supervise):
    run = supervise(
        "child('mute', 'sleep 60', is_ready=written('never'))",
        setup="import vignette.running.supervision; vignette.running.supervision.START_LIMIT_S = 0.1",
    )

    assert run.process.wait(LIMIT_S) == 1
    assert run.words() == "cannot start: the mute did not get ready within 0.1 s\n"
    assert run.processes() == {}


def test_a_command_that_does_not_exist_is_told_in_one_line(supervise):
    run = supervise("Child(name='ghost', argv=('/no/such/program',), env={}, folder=folder, grace_s=1)")

    assert run.process.wait(LIMIT_S) == 1
    assert run.words() == "cannot start: the ghost could not be started: No such file or directory at start\n"


def test_the_words_of_a_child_that_keeps_a_log_are_where_the_line_says(supervise):
    run = supervise("child('scribe', 'exit 1', is_ready=written('never'), log=Path('/some/log'))")

    assert run.process.wait(LIMIT_S) == 1
    assert run.words().endswith("ended (exit status 1) at start, see /some/log\n")


def test_a_child_that_cannot_start_is_repaired_once(supervise):
    repair = "repair=lambda: say('repaired') or True"
    run = supervise(f"child('broken', 'echo x >> tries; exit 1', is_ready=written('never'), {repair})")

    assert run.process.wait(LIMIT_S) == 1
    assert run.words() == "repaired\ncannot start: the broken ended (exit status 1) at start\n"
    assert (run.folder / "tries").read_text().count("x") == 2


def test_a_child_that_was_killed_before_it_was_ready_needs_no_repair(supervise):
    run = supervise(
        "child('victim', 'kill -KILL $$', is_ready=written('never'), repair=lambda: say('repaired') or True)"
    )

    assert run.process.wait(LIMIT_S) == 1
    assert run.words() == "cannot start: the victim ended (killed by SIGKILL) at start\n"


def test_a_signal_during_the_start_stops_what_was_started(supervise):
    run = supervise(good("first"), good("second", "is_ready=written('never')"), good("third"))
    until(lambda: "second starts" in run.diary())

    assert run.stop() == 0
    assert run.diary()[2:] == ["second stops", "first stops"]
    assert "up" not in run.words()


# Stop


@pytest.mark.parametrize("wish", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_children_in_reverse_order(supervise, wish):
    run = supervise(*[good(name, f"is_ready=lambda: {name!r} in Path('diary').read_text()") for name in "abc"])
    run.until_up()

    run.process.send_signal(wish)

    assert run.process.wait(LIMIT_S) == 0
    assert run.diary()[3:] == ["c stops", "b stops", "a stops"]
    assert run.processes() == {}


def test_a_child_that_does_not_stop_is_killed_after_its_grace_time(supervise):
    run = supervise(stubborn("mule", "grace_s=0.3"), good("lamb"))
    run.until_up()
    until(lambda: len(run.diary()) == 2)

    assert run.stop() == 0
    assert "the mule did not end within 0.3 s and is killed\n" in run.words()
    assert run.processes() == {}


def test_what_a_child_started_ends_with_it(supervise):
    run = supervise("child('parent', '(trap \"\" TERM; echo > born; while :; do sleep 0.02; done) & wait')")
    run.until_up()
    until(lambda: (run.folder / "born").exists())

    assert run.stop() == 0
    assert run.processes() == {}


def test_a_second_signal_ends_all_at_once(supervise):
    run = supervise(stubborn("mule", "grace_s=500"), stubborn("donkey", "grace_s=500"))
    run.until_up()
    until(lambda: len(run.diary()) == 2)
    run.process.send_signal(signal.SIGINT)
    until(lambda: "stopping" in run.words())

    def again() -> bool:  # one too close to the first does not count
        run.process.send_signal(signal.SIGINT)
        return run.process.poll() is not None

    until(again)

    assert run.process.returncode == 0
    assert run.processes() == {}


def test_two_signals_in_one_moment_are_one_wish(supervise):
    slow = (
        'trap "sleep 0.3; echo slow stops >> diary; exit" TERM; echo slow starts >> diary; while :; do sleep 0.02; done'
    )
    run = supervise(f"child('slow', {slow!r})")
    run.until_up()
    until(lambda: run.diary() == ["slow starts"])

    # Stopped, it gets both together, however busy the machine is.
    for number in (signal.SIGSTOP, signal.SIGHUP, signal.SIGTERM, signal.SIGCONT):
        run.process.send_signal(number)

    assert run.process.wait(LIMIT_S) == 0
    assert run.diary() == ["slow starts", "slow stops"]


def test_nohup_keeps_it_alive_when_the_terminal_closes(supervise):
    run = supervise("child('victim', 'echo $$ > number; exec sleep 60')", prefix=("nohup",))
    run.until_up()

    run.process.send_signal(signal.SIGHUP)
    os.kill(run.number("number"), signal.SIGKILL)

    until(lambda: "next try" in run.words())
    assert "stopping" not in run.words()
    assert run.stop() == 0


# Life


def test_a_child_that_dies_is_started_again_after_growing_pauses(supervise):
    run = supervise("child('mayfly', 'date +%s.%N >> births; exit 7')")

    until(lambda: "next try in 2 s" in run.words())

    births = [float(line) for line in (run.folder / "births").read_text().splitlines()]
    assert [later - earlier > pause for earlier, later, pause in zip(births, births[1:], [0.5, 1], strict=False)] == [
        True,
        True,
    ]
    assert run.words().splitlines() == [
        "up",
        "the mayfly ended (exit status 7); next try in 0.5 s",
        "the mayfly ended (exit status 7); next try in 1 s",
        "the mayfly ended (exit status 7); next try in 2 s",
    ]
    assert run.stop() == 0


@pytest.mark.parametrize(
    ("lives_s", "pauses_s"),
    [
        pytest.param([0] * 9, [0.5, 1, 2, 4, 8, 16, 30, 30, 30], id="short lives"),
        pytest.param([0, 0, 30, 0], [0.5, 1, 0.5, 1], id="a long one between"),
        pytest.param([29.9, 29.9], [0.5, 1], id="not quite long enough"),
        pytest.param([0] * 5000, [0.5, 1, 2, 4, 8, 16] + [30] * 4994, id="for days"),
    ],
)
def test_the_pause_doubles_up_to_half_a_minute_and_begins_anew_after_a_long_life(lives_s, pauses_s):
    backoff = Backoff()

    assert [backoff.pause_s(life_s) for life_s in lives_s] == pauses_s


def test_a_child_that_dies_is_told_with_how_it_ended(supervise):
    run = supervise("child('victim', 'echo $$ > number; exec sleep 60')")
    run.until_up()

    os.kill(run.number("number"), signal.SIGKILL)

    until(lambda: "the victim ended (killed by SIGKILL); next try in 0.5 s\n" in run.words())
    assert run.stop() == 0


def test_what_a_dead_child_left_is_ended_before_its_successor_starts(supervise):
    script = """
        [ -e orphan ] && { kill -0 $(cat orphan) 2>/dev/null && echo alive >> diary || echo clean >> diary; sleep 60; }
        (trap "" TERM; while :; do sleep 0.02; done) & echo $! > orphan
        echo $$ > number; wait
    """
    run = supervise(f"child('parent', {script!r})")
    run.until_up()

    os.kill(run.number("number"), signal.SIGKILL)

    until(run.diary)
    assert run.diary() == ["clean"]
    assert run.stop() == 0


def test_the_others_go_on_while_one_is_away(supervise):
    run = supervise(good("steady"), "child('victim', 'echo $$ > number; exec sleep 60')")
    run.until_up()

    os.kill(run.number("number"), signal.SIGKILL)
    until(lambda: "victim ended" in run.words())

    assert run.stop() == 0
    assert run.diary() == ["steady starts", "steady stops"]


def test_an_idle_supervisor_uses_no_processor_time(supervise):
    run = supervise(good("child"))
    run.until_up()
    until(run.diary)

    def ticks() -> int:
        fields = Path(f"/proc/{run.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before, sampled_until = ticks(), time.monotonic() + 0.5
    until(lambda: time.monotonic() > sampled_until)

    assert ticks() - before <= 1
    assert run.stop() == 0


def test_processes_that_are_left_to_us_do_not_stay_as_zombies(supervise):
    script = """
        (setsid sh -c 'echo $$ > stray; while [ ! -e end ]; do sleep 0.02; done' &)
        exec sleep 60
    """
    run = supervise(f"child('parent', {script!r})")
    stray = run.number("stray")
    until(lambda: parent_of(stray) == run.process.pid)

    (run.folder / "end").touch()

    until(lambda: parent_of(stray) is None)
    assert run.stop() == 0


def test_descriptors_reach_the_children_and_nothing_else_does(supervise):
    setup = "opened = os.open('kept', os.O_CREAT | os.O_RDWR); other = os.open('other', os.O_CREAT | os.O_RDWR)"
    script = "ls -l /proc/$$/fd > listed; mv listed fds; exec sleep 60"
    run = supervise(f"child('child', {script!r})", setup=setup, options=", pass_fds=[opened]")
    until(lambda: (run.folder / "fds").exists())

    listed = (run.folder / "fds").read_text()

    assert f"{run.folder}/kept\n" in listed
    assert f"{run.folder}/other\n" not in listed
    assert run.stop() == 0


ANSWERING = """
import os, signal, socket
print(os.getpid(), file=open("server", "w"), flush=True)
print("server starts", file=open("diary", "a"), flush=True)
listening = socket.socket(socket.AF_UNIX)
if os.path.exists("s"):
    os.unlink("s")
listening.bind("s")
listening.listen(100)
while True:
    connection, _ = listening.accept()
    connection.recv(100)
    connection.sendall(b"+PONG")
    connection.close()
"""


def test_a_child_that_does_not_answer_any_more_is_replaced(supervise):
    setup = f"""
from vignette.running.liveness import Liveness
server = Child(
    name="server", argv=(sys.executable, "-c", {ANSWERING!r}), env=os.environ, folder=folder, grace_s=0.2,
    is_ready=written("s"), liveness=Liveness("s", b"PING", b"+PONG", limit_s=1.5),
)
"""
    run = supervise("server", good("other"), setup=setup)
    run.until_up()
    first = run.number("server")

    asked_until = time.monotonic() + 3
    until(lambda: time.monotonic() > asked_until)
    assert "answer" not in run.words()

    os.kill(first, signal.SIGSTOP)

    until(lambda: "the server does not answer any more; it is ended\n" in run.words())
    until(lambda: run.number("server") != first)
    assert parent_of(first) is None
    assert run.stop() == 0
    assert run.diary().count("other starts") == 1


# The supervisor's own death


def test_the_children_end_when_the_supervisor_is_killed(supervise):
    run = supervise(good("a"), stubborn("b", "orphan_signal=signal.SIGKILL"))
    run.until_up()
    until(lambda: len(run.diary()) == 2)

    run.process.kill()

    until(lambda: run.processes() == {})
    assert run.diary()[2:] == ["a stops"]


def test_the_children_end_when_the_supervisor_is_killed_while_it_starts_them(supervise):
    names = [f"c{number}" for number in range(30)]
    run = supervise(*[good(name) for name in names])
    until(lambda: len(run.diary()) > 5)

    run.process.kill()

    until(lambda: run.processes() == {})
