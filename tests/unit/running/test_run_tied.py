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


def run(folder: Path, code: str, *options: str, **settings: Path) -> str:
    """Return what a module with *code* says when it is run with *options* of `run_tied`."""
    (folder / "tells.py").write_text(code)
    command = [sys.executable, "-m", "vignette.running.run_tied", *options, "tells", "--its", "own"]
    environment = {f"VIGNETTE_{name.upper()}": str(value) for name, value in settings.items()}
    environment["PYTHONPATH"] = f"{PROJECT_FOLDER}:{folder}"
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    ).stdout


def test_the_module_has_its_own_arguments_and_nothing_more_in_memory(tmp_path: Path) -> None:
    assert run(tmp_path, FORKS) == "False ['--its', 'own']\n"


def test_what_is_imported_before_is_there_in_each_process_that_it_forks(tmp_path: Path) -> None:
    assert run(tmp_path, FORKS, "--preload", "colorsys") == "True ['--its', 'own']\n"


def test_garbage_is_collected_when_that_is_imported(tmp_path: Path) -> None:
    assert run(tmp_path, "import gc; print(gc.isenabled())", "--preload", "colorsys") == "True\n"


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

    def holds(*options: str) -> list[str]:
        folders = {"state_folder": tmp_path / "state", "upload_folder": tmp_path / "uploads"}
        return run(tmp_path, WHAT_IT_HOLDS, *options, **folders).splitlines()

    without, with_it = holds(), holds("--preload", preloaded)

    assert (without[0], without[1], with_it[1]) == (with_it[0], "False", "True")
    assert with_it[0].startswith("1 ")
    assert not (tmp_path / "state").exists()
