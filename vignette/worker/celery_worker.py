"""
Run the worker of an application: `python -m vignette.worker.celery_worker task_celery`.

It does what `celery --quiet -A task_celery worker --loglevel=info --without-gossip --without-mingle` does. That command
imports all of Celery's commands, and an interactive shell for them: a sixth of what a worker takes to start.
"""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    app = importlib.import_module(sys.argv[1]).app
    # At SIGHUP Celery starts this process anew, with these arguments.
    sys.argv = sys.orig_argv[1:]
    worker = app.Worker(loglevel="INFO", quiet=True, without_gossip=True, without_mingle=True)
    worker.start()
    sys.exit(worker.exitcode)


if __name__ == "__main__":
    main()
