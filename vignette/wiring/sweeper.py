"""
The process that sweeps. The worker's parent starts it: `python -m vignette.wiring.sweeper`.

It reads the worker's notes from its standard input, and ends with the worker.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache, partial
from typing import Final

from vignette.jail.modes import keep_files_private
from vignette.jail.ties import end_with
from vignette.logs import set_up_logs
from vignette.settings import Settings, as_environment, exit_with_words, load_settings
from vignette.wiring.jobs import open_jobs
from vignette.wiring.stores import open_store_and_catalogue
from vignette.wiring.use_cases import (
    build_auditing,
    build_recovery,
    build_reindexing,
    build_renewal,
    build_sweeping,
    build_verdicts,
)
from vignette.worker.pace import Pace
from vignette.worker.sweeper import Sweeper, take_name
from vignette.worker.upkeep import Upkeep, UpkeepServices
from vignette.worker.watch import Watch, patience_s

_STANDARD_INPUT: Final = 0
_STANDARD_OUTPUT: Final = 1


def build_sweeper(settings: Settings, pace: Pace) -> Sweeper:
    """For the worker's parent: return what sweeps in a fork of it, and later runs this module as a process."""
    command = (sys.executable, "-m", __name__, str(os.getpid()), json.dumps(asdict(pace)))
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **as_environment(settings)}
    return Sweeper(command, environment, work=partial(_sweep, settings, pace, os.getpid()))


def open_services(settings: Settings, pace: Pace) -> Callable[[], UpkeepServices]:
    """Return a function that builds the services at its first call that succeeds, and returns the same ones later."""

    @lru_cache(maxsize=1)
    def services() -> UpkeepServices:
        store, catalogue = open_store_and_catalogue(settings)
        jobs = open_jobs(settings)
        renewal = build_renewal(catalogue, jobs, settings.recipes)
        return UpkeepServices(
            verdicts=build_verdicts(store, catalogue, settings.recipes, max_attempts=settings.max_attempts),
            sweeping=build_sweeping(
                store,
                catalogue,
                jobs,
                hint_max_age_s=pace.hint_max_age_s,
                clear_traces_every_s=pace.clear_traces_every_s,
                clear_audit=build_auditing(settings, catalogue).clear,
            ),
            recovery=build_recovery(store, catalogue, renewal, flush_every_s=pace.flush_every_s),
            renewal=renewal,
            reindexing=build_reindexing(store, catalogue),
            workers=catalogue.workers,
        )

    return services


def main() -> None:
    parser = argparse.ArgumentParser(prog=f"python -m {__name__}")
    parser.add_argument("worker", type=int)
    parser.add_argument("pace", type=lambda words: Pace(**json.loads(words)))
    arguments = parser.parse_args()
    with exit_with_words():
        _sweep(load_settings(), arguments.pace, arguments.worker)


def _sweep(settings: Settings, pace: Pace, worker: int) -> None:
    """Sweep until *worker* ends: its notes come on standard input, and each sweep is told on standard output."""
    end_with(worker, signal.SIGKILL)
    keep_files_private()
    take_name()
    # A terminal sends these signals to its whole foreground; the worker decides what they mean.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with exit_with_words():
        set_up_logs(settings.log_format)
        upkeep = Upkeep(
            open_services(settings, pace),
            worker=worker,
            notes=_STANDARD_INPUT,
            swept=partial(os.write, _STANDARD_OUTPUT, b"."),
            watch=Watch(pace.patience_s or patience_s(settings.render_seconds)),
            sweep_every_s=pace.sweep_every_s,
            end_s=pace.end_s,
        )
        upkeep.run()


if __name__ == "__main__":
    main()
