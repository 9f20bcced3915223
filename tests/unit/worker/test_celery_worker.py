"""The worker starts without what only Celery's other commands need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.running import environment

# An application whose worker tells what it was asked for, instead of running.
APPLICATION = """
import sys

class Worker:
    exitcode = 3

    def __init__(self, **options):
        import celery.apps.worker, vignette.wiring.worker
        print(options)

    def start(self):
        print(sys.argv)
        print([name for name in ("celery.bin", "prompt_toolkit", "click_repl") if name in sys.modules])

class app:
    Worker = Worker
"""


def test_it_imports_none_of_celerys_commands_and_ends_with_the_status_of_the_worker(tmp_path: Path) -> None:
    (tmp_path / "application.py").write_text(APPLICATION)
    command = [sys.executable, "-m", "vignette.worker.celery_worker", "application"]

    done = subprocess.run(command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True)

    assert done.stdout.splitlines() == [
        "{'loglevel': 'INFO', 'quiet': True, 'without_gossip': True, 'without_mingle': True}",
        "['-m', 'vignette.worker.celery_worker', 'application']",
        "[]",
    ], done.stderr
    assert done.returncode == 3
