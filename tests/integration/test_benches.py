"""Every `vignette bench` command runs, in a process of its own and at its smallest; its figures do not matter here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import LIMIT_S, PROJECT_FOLDER, environment
from vignette.cli.trials import bench
from vignette.trials.processes import marked


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A photo, and a state folder: what is measured on a disk is measured there."""
    (tmp_path / "photos").mkdir()
    shutil.copy(PROJECT_FOLDER / "image_test" / "photo.jpg", tmp_path / "photos")
    (tmp_path / "state").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", sorted(bench.commands))
def test_it_runs_and_leaves_nothing(name: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vignette", "bench", name, "--smoke", "--json"],
        cwd=PROJECT_FOLDER,
        env=environment(folder, corpus=folder / "photos", state_folder=folder / "state")
        | {"VIGNETTE_TEST_MARK": str(folder)},
        capture_output=True,
        text=True,
        timeout=2 * LIMIT_S,
        check=False,
    )

    if done.returncode == 2 and "(Debian: apt install" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)
    assert list((folder / "state").iterdir()) == []
    assert marked(str(folder)) == []
