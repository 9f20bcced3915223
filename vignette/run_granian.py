"""
Granian's command line, with one thing mended: its processes obey SIGTERM from their first instant.

Granian forks them with its own signal handler in force, which swallows a SIGTERM until the app is loaded: a second, in
which a stop would have to wait for granian's kill timeout.
"""

from __future__ import annotations

import os
import runpy
import signal


def _obey() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


if __name__ == "__main__":
    os.register_at_fork(after_in_child=_obey)
    runpy.run_module("granian", run_name="__main__", alter_sys=True)
