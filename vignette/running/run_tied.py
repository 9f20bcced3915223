"""
Run a module in processes that are tied to it:

    python -m vignette.running.run_tied [--preload OTHER] MODULE ARGUMENT …

It runs MODULE as `python -m` would. Each process that MODULE forks obeys SIGTERM from its first instant, and ends with
its parent.

Granian forks while its own signal handler is in force. That handler swallows a SIGTERM until the app is loaded, for
about a second, and a stop would have to wait for granian's kill timeout. Nor do granian's processes notice that their
parent was killed.

Celery's pool processes do notice, but only some milliseconds after the fork. If their parent is killed before that,
they hold each other's pipes open and live for ever.

OTHER is imported first. The processes share its memory, and none of them imports it again. Importing it must open
nothing and start no thread.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import runpy
import signal
import sys

from vignette.jail.ties import end_with


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
        # From 3.14 on, Python does not fork by default. Granian would then spawn, and nothing above would happen.
        multiprocessing.set_start_method("fork")
    if sys.argv[1] == "--preload":
        if multiprocessing.get_start_method() == "fork":
            # What is imported stays: to look for garbage in it takes a seventh of the time, and finds nothing.
            gc.disable()
            importlib.import_module(sys.argv[2])
            # A garbage collection would write to all memory that is shared, and so have it copied.
            gc.freeze()
            gc.enable()
        del sys.argv[1:3]
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
