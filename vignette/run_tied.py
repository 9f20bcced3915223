"""
Run a module as `python -m` would (`python -m vignette.run_tied [--preload OTHER] MODULE ARGUMENT …`), with two things
mended in each process that it forks: it obeys SIGTERM from its first instant, and ends with its parent.

Granian forks with its own signal handler in force, which swallows a SIGTERM until the app is loaded: a second, in which
a stop would have to wait for granian's kill timeout. And its processes know nothing of a parent that was killed.

Celery's pool does, but only from some instant after the fork on. A parent that is killed before that leaves processes
that keep each other's pipes open, and so live for ever.

OTHER is imported before: the processes share its memory, and none of them spends the time again. Importing it must
open nothing and start no thread.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import runpy
import signal
import sys

from vignette.supervision import end_with


def main() -> None:
    parent = 0

    def note_parent() -> None:
        nonlocal parent
        parent = os.getpid()

    def tie() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        end_with(parent, signal.SIGKILL)

    os.register_at_fork(before=note_parent, after_in_child=tie)
    if sys.platform == "linux":
        # Granian spawns where Python 3.14 would, and nothing of the above comes to pass then.
        multiprocessing.set_start_method("fork")
    if sys.argv[1] == "--preload":
        if multiprocessing.get_start_method() == "fork":
            importlib.import_module(sys.argv[2])
            # A collection would write to all that is shared, and so have it copied.
            gc.freeze()
        del sys.argv[1:3]
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
