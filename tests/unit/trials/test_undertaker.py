"""What is left of a trial that dies: `tests/integration/test_trials_cut_short.py` shows the same of the commands."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.running import LIMIT_S, environment, until
from vignette.trials.processes import marked
from vignette.trials.undertaker import undertaken

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the processes are found in /proc")

# A trial that starts a process, freezes it, and waits; or that ends by itself.
TRIAL = """
import os, signal, subprocess, sys
from pathlib import Path
from vignette.trials.undertaker import entrusted, keep, undertaken
folder, task = Path(sys.argv[1]), sys.argv[2]
with undertaken(), entrusted(folder):
    folder.mkdir()
    child = subprocess.Popen(["sleep", "600"], env={"VIGNETTE_STATE_FOLDER": os.fspath(folder)})
    child.send_signal(signal.SIGSTOP)
    if task == "keep":
        keep(folder)
    if task != "end":
        print("ready", flush=True)
        signal.pause()
child.kill()
"""


@contextmanager
def trial(folder: Path, task: str) -> Iterator[subprocess.Popen[str]]:
    # Whoever is started in the background of a shell without job control ignores SIGINT.
    command = ["env", "--default-signal=INT", sys.executable, "-c", TRIAL, str(folder), task]
    with subprocess.Popen(command, env=environment(folder.parent), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_frozen_process_and_the_folder_go_with_the_trial(number: signal.Signals, tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    with trial(folder, "wait") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert marked(str(folder))

        process.send_signal(number)

        assert process.wait(LIMIT_S) == -number
        until(lambda: not marked(str(folder)) and not folder.exists())


def test_a_folder_that_is_kept_stays_without_its_processes(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    with trial(folder, "keep") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

        process.kill()
        assert process.stdout.read() == ""  # the undertaker has ended too

    assert marked(str(folder)) == []
    assert folder.exists()


def test_after_it_ctrl_c_is_what_it_was() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with undertaken():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL

        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_is_not_entrusted_any_more_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    with trial(folder, "end") as process:
        assert process.wait(LIMIT_S) == 0

    assert folder.exists()
