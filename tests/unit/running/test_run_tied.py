"""What `vignette.running.run_tied` does for the processes that a module forks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vignette.settings import PROJECT_FOLDER

FORKS = """
import multiprocessing, sys

def tell():
    print("colorsys" in sys.modules, sys.argv[1:])

if __name__ == "__main__":
    child = multiprocessing.Process(target=tell)
    child.start()
    child.join()
"""


def run(folder: Path, *options: str) -> str:
    (folder / "forks.py").write_text(FORKS)
    command = [sys.executable, "-m", "vignette.running.run_tied", *options, "forks", "--its", "own"]
    environment = {"PYTHONPATH": f"{PROJECT_FOLDER}:{folder}"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_the_module_has_its_own_arguments_and_nothing_more_in_memory(tmp_path: Path) -> None:
    assert run(tmp_path) == "False ['--its', 'own']\n"


def test_garbage_is_collected_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "tells.py").write_text("import gc; print(gc.isenabled())")
    command = [sys.executable, "-m", "vignette.running.run_tied", "--preload", "colorsys", "tells"]
    environment = {"PYTHONPATH": f"{PROJECT_FOLDER}:{tmp_path}"}
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout == "True\n"


def test_what_is_imported_before_is_there_in_each_process_that_it_forks(tmp_path: Path) -> None:
    assert run(tmp_path, "--preload", "colorsys") == "True ['--its', 'own']\n"


WHAT_IT_HOLDS = """
import os, sys

with_paths = {}
for entry in os.listdir("/proc/self/fd"):
    try:
        with_paths[entry] = os.readlink(f"/proc/self/fd/{entry}")
    except FileNotFoundError:  # that of the listing itself
        pass
print(len(os.listdir("/proc/self/task")), sorted(path for path in with_paths.values() if not path.startswith("pipe:")))
print("sqlalchemy" in sys.modules)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("preloaded", ["vignette.wiring.web", "vignette.wiring.worker"])
def test_what_a_service_shares_with_its_forks_is_in_memory_alone(tmp_path: Path, preloaded: str) -> None:
    """Its processes are forked from the one that has it: they would inherit a lock, a thread's work, a connection."""
    (tmp_path / "holds.py").write_text(WHAT_IT_HOLDS)

    def holds(*options: str) -> list[str]:
        command = [sys.executable, "-m", "vignette.running.run_tied", *options, "holds"]
        environment = {
            "PYTHONPATH": f"{PROJECT_FOLDER}:{tmp_path}",
            "VIGNETTE_STATE_FOLDER": str(tmp_path / "state"),
            "VIGNETTE_UPLOAD_FOLDER": str(tmp_path / "uploads"),
        }
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    without, with_it = holds(), holds("--preload", preloaded)

    assert (without[0], without[1], with_it[1]) == (with_it[0], "False", "True")
    assert with_it[0].startswith("1 ")
    assert not (tmp_path / "state").exists()
