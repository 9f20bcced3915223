"""
The process that sweeps. The worker's parent starts it: `python -m vignette.wiring.sweeper`.

It reads the worker's notes from its standard input, and ends with the worker.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from vignette.jail.ties import end_with
from vignette.settings import Settings, as_environment, exit_with_words, load_settings
from vignette.wiring.jobs import open_jobs
from vignette.wiring.stores import open_store_and_catalogue
from vignette.wiring.use_cases import build_reindexing, build_renewal, build_sweeping, build_verdicts
from vignette.worker.sweeper import Sweeper
from vignette.worker.upkeep import Upkeep, UpkeepServices
from vignette.worker.watch import Watch

# The format of Celery's own lines.
_LOG_FORMAT: Final = "[%(asctime)s: %(levelname)s/Sweep] %(message)s"


def build_sweeper(settings: Settings, patience_s: float) -> Sweeper:
    """For the worker's parent: return what runs this module as a process. *patience_s* is that of `Watch`."""
    command = (sys.executable, "-m", __name__, str(os.getpid()), str(patience_s))
    return Sweeper(command, {**os.environ, "PYTHONUNBUFFERED": "1", **as_environment(settings)})


def open_services(settings: Settings) -> Callable[[], UpkeepServices]:
    """Return a function that builds the services at its first call that succeeds, and returns the same ones later."""

    @lru_cache(maxsize=1)
    def services() -> UpkeepServices:
        store, catalogue = open_store_and_catalogue(settings)
        jobs = open_jobs(settings)
        return UpkeepServices(
            verdicts=build_verdicts(store, catalogue, settings.recipes, max_attempts=settings.max_attempts),
            sweeping=build_sweeping(store, catalogue, jobs),
            renewal=build_renewal(catalogue, jobs, settings.recipes),
            reindexing=build_reindexing(store, catalogue),
            workers=catalogue.workers,
        )

    return services


def main() -> None:
    parser = argparse.ArgumentParser(prog=f"python -m {__name__}")
    parser.add_argument("worker", type=int)
    parser.add_argument("patience_s", type=float)
    arguments = parser.parse_args()
    end_with(arguments.worker, signal.SIGKILL)
    # A terminal sends these signals to its whole foreground; the worker decides what they mean.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT, stream=sys.stderr)
    with exit_with_words():
        upkeep = Upkeep(
            open_services(load_settings()),
            worker=arguments.worker,
            notes=sys.stdin.fileno(),
            swept=partial(os.write, sys.stdout.fileno(), b"."),
            watch=Watch(arguments.patience_s),
        )
        upkeep.run()


if __name__ == "__main__":
    main()
