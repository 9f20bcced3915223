"""
The real web process. The first one of a service believes for ever that SQLite's lock is taken.

It takes the lock, and the kernel releases it: the POSIX locks of a process end when it closes any descriptor of the
file (fcntl(2)). So all others can write, and SQLite in this process does not know. A process that was forked while its
parent wrote is in the same state.
"""

from __future__ import annotations

import os
import sqlite3

from vignette.settings import load_settings_or_exit
from vignette.wiring.web import build_web

settings = load_settings_or_exit()

app = build_web(settings, despairs_after_s=1)

catalogue = settings.state_folder / "catalogue.sqlite3"

connection = sqlite3.connect(catalogue, isolation_level=None)

try:
    (settings.state_folder / "locked").open("x").close()
except FileExistsError:
    pass
else:
    connection.execute("BEGIN IMMEDIATE")
    os.close(os.open(f"{catalogue}-shm", os.O_RDWR))
    (settings.state_folder / "locked").write_text(str(os.getpid()))
