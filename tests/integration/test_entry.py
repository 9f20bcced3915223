"""The two entry files and the command line say in a line what keeps them from starting."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs
from tests.running import PROJECT_FOLDER, environment


@needs.SECCOMP
@pytest.mark.parametrize("entry", ["serveur_flask", "task_celery"])
def test_neither_starts_without_a_sandbox_that_is_wanted(tmp_path: Path, entry: str) -> None:
    folders = {"upload_folder": tmp_path / "uploads", "state_folder": tmp_path / "state"}

    ended = subprocess.run(
        [sys.executable, "-m", "tests.lacking", "landlock,seccomp", sys.executable, "-c", f"import {entry}"],
        cwd=PROJECT_FOLDER,
        env=environment(tmp_path, **folders, require_sandbox=True),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr == (
        "vignette: require_sandbox = true: this machine has no Landlock (Linux 5.13 or later, switched on)"
        " and no seccomp filters (Linux 3.17 or later, on x86_64 or aarch64)\n"
    )


@pytest.mark.parametrize("entry", [("-c", "import serveur_flask"), ("-m", "vignette", "reindex")], ids=["web", "cli"])
@pytest.mark.parametrize(
    ("settings", "status", "words"),
    [
        pytest.param({"port": 0}, 2, 'VIGNETTE_PORT = "0": should be greater than or equal to 1', id="settings"),
        pytest.param(
            {"upload_folder": "/proc/nowhere"}, 1, "the upload folder /proc/nowhere cannot be made", id="folder"
        ),
        pytest.param({"database_url": "sqlite:////dev/null/x"}, 1, "the folder of the catalogue cannot", id="state"),
    ],
)
def test_what_keeps_them_from_starting_is_said_without_a_traceback(
    tmp_path: Path, entry: tuple[str, ...], settings: dict[str, object], status: int, words: str
) -> None:
    folders = {"upload_folder": tmp_path / "uploads", "state_folder": tmp_path / "state"}

    ended = subprocess.run(
        [sys.executable, *entry],
        cwd=PROJECT_FOLDER,
        env=environment(tmp_path, **(folders | settings)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == status
    assert ended.stderr.startswith(f"vignette: {words}")
    assert "Traceback" not in ended.stderr
