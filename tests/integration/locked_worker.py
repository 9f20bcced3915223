"""
The real worker, whose first processes are forked while their parent holds SQLite's lock: they can never write.

Run as `celery -A tests.integration.locked_worker worker`.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from celery import signals

from tests.integration.pace import DESPAIRING
from vignette.settings import load_settings_or_exit
from vignette.wiring.worker import build_worker

settings = load_settings_or_exit()

app = build_worker(settings, pace=DESPAIRING)

connection = sqlite3.connect(settings.state_folder / "catalogue.sqlite3", isolation_level=None)


def lock(**_: Any) -> None:
    connection.execute("BEGIN IMMEDIATE")


def unlock(**_: Any) -> None:
    connection.execute("COMMIT")
    connection.close()


signals.worker_init.connect(lock, weak=False)
signals.worker_ready.connect(unlock, weak=False)
