"""
Granian's command line, with two things mended: its processes obey SIGTERM from their first instant, and end with their
parent.

Granian forks them with its own signal handler in force, which swallows a SIGTERM until the app is loaded: a second, in
which a stop would have to wait for granian's kill timeout. And they know nothing of a parent that was killed.
"""

from __future__ import annotations

import os
import runpy
import signal

from vignette.supervision import end_with


def main() -> None:
    parent = os.getpid()

    def prepare() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        end_with(parent, signal.SIGKILL)

    os.register_at_fork(after_in_child=prepare)
    runpy.run_module("granian", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
