"""Nothing is left of a torture or a bench that is ended before its time: no process, no folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.running import LIMIT_S, PROJECT_FOLDER, environment, until, until_gone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the processes are found in /proc")

TORTURE = ("torture", "--minutes", "60")
BENCH = ("bench", "burst", "--quick")


@pytest.mark.parametrize(
    ("command", "number"),
    [
        pytest.param(TORTURE, signal.SIGTERM, id="torture-SIGTERM"),
        pytest.param(TORTURE, signal.SIGINT, id="torture-SIGINT"),
        pytest.param(TORTURE, signal.SIGKILL, id="torture-SIGKILL"),
        pytest.param(BENCH, signal.SIGTERM, id="bench-SIGTERM"),
        pytest.param(BENCH, signal.SIGHUP, id="bench-SIGHUP"),
        pytest.param(BENCH, signal.SIGKILL, id="bench-SIGKILL"),
    ],
)
def test_it_leaves_nothing(command: Sequence[str], number: signal.Signals, tmp_path: Path, short_path: Path) -> None:
    process, mark = started(command, tmp_path, short_path)
    with process:
        try:
            until(lambda: is_at_work(short_path) or process.poll() is not None)

            process.send_signal(number)

            assert process.wait(LIMIT_S) == -number, (tmp_path / "log").read_text()
        finally:
            process.kill()
    until_gone(mark)
    assert list(short_path.iterdir()) == []


def started(command: Sequence[str], tmp_path: Path, places: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start a trial whose folders are in *places*; return it, and a mark of all processes that it starts."""
    mark = uuid.uuid4().hex
    with (tmp_path / "log").open("wb") as words:
        process = subprocess.Popen(
            # Whoever is started in the background of a shell without job control ignores SIGINT; by nohup, SIGHUP.
            ["env", "--default-signal=INT,HUP", sys.executable, "-m", "vignette", *command],
            cwd=PROJECT_FOLDER,
            env=environment(tmp_path, state_folder=places) | {"VIGNETTE_TEST_MARK": mark, "TMPDIR": os.fspath(places)},
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
        )
    return process, mark


def is_at_work(places: Path) -> bool:
    """Whether the service of a trial has taken an upload."""
    return any(places.glob("*/uploads/0/record.json"))
