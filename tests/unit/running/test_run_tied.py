"""What `vignette.running.run_tied` does for the processes that a module forks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def test_what_is_imported_before_is_there_in_each_process_that_it_forks(tmp_path: Path) -> None:
    assert run(tmp_path, "--preload", "colorsys") == "True ['--its', 'own']\n"
